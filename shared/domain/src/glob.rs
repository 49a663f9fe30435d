//! Globs: `*` stands for any bytes, also for none, and `?` for one.

/// Whether a glob matches a whole text.
///
/// By trying again one character further on after the last `*`, so that the time is at most the product of both lengths.
pub(crate) fn matches(glob: &str, text: &str) -> bool {
    let (glob, text) = (glob.as_bytes(), text.as_bytes());
    let (mut in_glob, mut in_text) = (0, 0);
    let mut last_star = None;
    while let Some(&byte) = text.get(in_text) {
        match (glob.get(in_glob), last_star) {
            (Some(b'*'), _) => {
                last_star = Some((in_glob, in_text));
                in_glob += 1;
            }
            (Some(&wanted), _) if wanted == b'?' || wanted == byte => {
                in_glob += 1;
                in_text += 1;
            }
            (_, Some((star, from))) => {
                last_star = Some((star, from + 1));
                in_glob = star + 1;
                in_text = from + 1;
            }
            (_, None) => return false,
        }
    }
    glob.iter().skip(in_glob).all(|&byte| byte == b'*')
}
