//! Who else sets the images of a workload.

use super::workload::Workload;

/// The delivery tool that would undo what we write, if there is one. Helm is none of these: it writes when its people
/// release, and not before.
///
/// - Argo CD: annotation `argocd.argoproj.io/tracking-id`, or label `argocd.argoproj.io/instance` (Argo CD, "Resource
///   tracking"). Its older default, the label `app.kubernetes.io/instance`, is set by everybody and says nothing.
/// - Flux: the labels `kustomize.toolkit.fluxcd.io/name` and `helm.toolkit.fluxcd.io/name` (Flux, `Kustomization` and
///   `HelmRelease`).
/// - A controller in the owner references: an operator that keeps the workload as its own resource says.
pub(super) fn owner(workload: &Workload) -> Option<String> {
    let annotation = |key: &str| workload.annotations.get(key);
    let label = |key: &str| workload.labels.get(key);
    let argo = annotation("argocd.argoproj.io/tracking-id")
        .and_then(|id| id.split(':').next())
        .or_else(|| label("argocd.argoproj.io/instance").map(String::as_str));
    let named = |tool: &str, name: &str| format!("{tool} {name}");
    argo.map(|name| named("Argo CD application", name))
        .or_else(|| label("kustomize.toolkit.fluxcd.io/name").map(|name| named("Flux Kustomization", name)))
        .or_else(|| label("helm.toolkit.fluxcd.io/name").map(|name| named("Flux HelmRelease", name)))
        .or_else(|| workload.controller.clone())
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::workload;
    use super::*;

    #[test]
    fn tools_are_known_by_the_marks_that_they_leave() {
        let with = |annotation: &str, label: &str, value: &str| {
            let mut workload = workload();
            workload
                .annotations
                .insert(annotation.to_owned(), value.to_owned());
            workload.labels.insert(label.to_owned(), value.to_owned());
            owner(&workload)
        };
        let argo = "shop:apps/Deployment:shop/web";
        assert_eq!(
            with("argocd.argoproj.io/tracking-id", "x", argo).as_deref(),
            Some("Argo CD application shop")
        );
        let cases = [
            ("argocd.argoproj.io/instance", Some("Argo CD application shop")),
            (
                "kustomize.toolkit.fluxcd.io/name",
                Some("Flux Kustomization shop"),
            ),
            ("helm.toolkit.fluxcd.io/name", Some("Flux HelmRelease shop")),
            ("app.kubernetes.io/instance", None),
            ("app.kubernetes.io/managed-by", None),
        ];
        for (label, expected) in cases {
            assert_eq!(with("x", label, "shop").as_deref(), expected, "{label}");
        }
        let mut owned = workload();
        owned.controller = Some("Rollout web".to_owned());
        assert_eq!(owner(&owned).as_deref(), Some("Rollout web"));
    }
}
