use super::*;

fn at(text: &str) -> Timestamp {
    let at: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_unix_seconds(at.as_second())
}

fn check(calendar: &Calendar, moment: &str, start: &str, end: &str) {
    let period = calendar.period(at(moment));
    assert_eq!((period.start, period.end), (at(start), at(end)), "{calendar} around {moment}");
}

#[test]
fn days_of_clock_changes_are_23_or_25_hours_long() {
    let berlin = Calendar::day("Europe/Berlin");
    check(&berlin, "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
    check(&berlin, "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
    let york = Calendar::day("America/New_York");
    check(&york, "2026-03-08T12:00:00Z", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z");
    check(&york, "2026-11-01T12:00:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z");
    // Half an hour only.
    let howe = Calendar::day("Australia/Lord_Howe");
    check(&howe, "2026-04-05T00:00:00Z", "2026-04-04T13:00:00Z", "2026-04-05T13:30:00Z");
}

#[test]
fn a_day_without_a_midnight_starts_at_its_first_moment() {
    // At 00:00 the clocks of Beirut go to 01:00.
    let beirut = Calendar::day("Asia/Beirut");
    check(&beirut, "2026-03-29T05:00:00Z", "2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z");
    // Samoa had no 30 December 2011.
    let apia = Calendar::day("Pacific/Apia");
    check(&apia, "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z");
    check(&apia, "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z");
}

#[test]
fn a_midnight_that_comes_twice_starts_one_day() {
    // At 01:00 the clocks of Havana go back to 00:00.
    let havana = Calendar::day("America/Havana");
    check(&havana, "2026-11-01T04:30:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z");
    check(&havana, "2026-11-01T05:30:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z");
}

#[test]
fn weeks_months_and_years_start_where_people_expect() {
    let week = Calendar::week("UTC");
    check(&week, "2026-11-24T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z");
    let sunday = week.week_start(WeekStart::Sunday);
    check(&sunday, "2026-11-24T00:00:00Z", "2026-11-22T00:00:00Z", "2026-11-29T00:00:00Z");
    let month = Calendar::month("Europe/Berlin");
    check(&month, "2026-10-15T00:00:00Z", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z");
    check(&Calendar::year("UTC"), "2026-10-15T00:00:00Z", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    let kolkata = Calendar::hour("Asia/Kolkata");
    check(&kolkata, "2026-10-15T00:00:00Z", "2026-10-14T23:30:00Z", "2026-10-15T00:30:00Z");
    check(&Calendar::minute("UTC"), "2026-10-15T00:00:59Z", "2026-10-15T00:00:00Z", "2026-10-15T00:01:00Z");
}

/// Whatever the zone does, each moment has exactly one day, and the next one starts where it ends.
#[test]
fn days_follow_each_other_without_gap() {
    for zone in [
        "Europe/Berlin",
        "America/Sao_Paulo",
        "Pacific/Apia",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "Asia/Tehran",
    ] {
        let day = Calendar::day(zone);
        let mut period = day.period(at("2010-06-01T00:00:00Z"));
        while period.end < at("2014-06-01T00:00:00Z") {
            let next = day.period(period.end);
            assert_eq!(next.start, period.end, "{zone}");
            let hours = next.end.since(next.start).as_secs() / 1_800;
            assert!((46..=50).contains(&hours), "{zone} {}: {hours} half hours", next.start);
            assert_eq!(day.period(Timestamp::from_unix_nanos(next.end.unix_nanos() - 1)), next);
            period = next;
        }
    }
}

#[test]
fn an_unknown_zone_is_told() {
    let error = Calendar::day("Europe/Atlantis").check("budgets.0.per").unwrap_err();
    assert_eq!(error.problems()[0].value, "Europe/Atlantis");
}
