//! The weekly hours in which AWS maintains a database.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `sun:05:00-sun:06:00`, in UTC (`RDS API`, `PreferredMaintenanceWindow`). It may run over the end of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaintenanceWindow {
    /// Minutes since Monday 00:00.
    from: u32,
    /// The same; before `from` where the week ends in between.
    to: u32,
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl MaintenanceWindow {
    /// Parses what RDS says; none for what it never says.
    ///
    /// ```
    /// use domain::offhours::MaintenanceWindow;
    /// let window = MaintenanceWindow::parse("sun:23:30-mon:00:30").unwrap();
    /// assert!(window.contains("2026-11-29T23:30:00Z".parse().unwrap()));
    /// assert!(window.contains("2026-11-30T00:29:59Z".parse().unwrap()));
    /// assert!(!window.contains("2026-11-30T00:30:00Z".parse().unwrap()));
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        Some(Self {
            from: minute_of_week(from)?,
            to: minute_of_week(to)?,
        })
    }

    /// Whether it is open at `now`.
    pub fn contains(&self, now: Timestamp) -> bool {
        let at = now.to_zoned(TimeZone::UTC);
        let day = u32::from(at.weekday().to_monday_zero_offset().unsigned_abs());
        let minute = u32::from(at.hour().unsigned_abs()) * 60 + u32::from(at.minute().unsigned_abs());
        let now = day * 24 * 60 + minute;
        if self.from <= self.to {
            (self.from..self.to).contains(&now)
        } else {
            now >= self.from || now < self.to
        }
    }
}

fn minute_of_week(text: &str) -> Option<u32> {
    let mut parts = text.trim().split(':');
    let (day, hour, minute) = (parts.next()?, parts.next()?, parts.next()?);
    let day = DAYS.iter().position(|name| day.eq_ignore_ascii_case(name))?;
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    let is_time = hour < 24 && minute < 60 && parts.next().is_none();
    is_time.then_some(u32::try_from(day).ok()? * 24 * 60 + hour * 60 + minute)
}

impl fmt::Display for MaintenanceWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |f: &mut fmt::Formatter<'_>, at: u32| {
            let day = DAYS[(at / (24 * 60)) as usize % DAYS.len()];
            write!(f, "{day}:{:02}:{:02}", at / 60 % 24, at % 60)
        };
        end(f, self.from)?;
        f.write_str("-")?;
        end(f, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_read_as_rds_writes_it_and_nothing_else_is() {
        let text = "wed:08:08-wed:08:38";
        assert_eq!(MaintenanceWindow::parse(text).unwrap().to_string(), text);
        for bad in [
            "",
            "wed",
            "wed:08:08",
            "xyz:08:08-wed:09:00",
            "wed:24:00-wed:24:30",
            "wed:08:08:1-wed:09:00",
        ] {
            assert_eq!(MaintenanceWindow::parse(bad), None, "{bad}");
        }
    }
}
