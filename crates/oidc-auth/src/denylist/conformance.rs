//! What a [`DenialLog`] has to hold.

use std::sync::Arc;
use std::time::Duration;

use super::log::{DenialLog, LogPosition, LoggedDenial};
use crate::conformance::{CROWD, Cases, NotConformant, Why, crowd, random, same};

const KEEP: Duration = Duration::from_secs(3_600);

/// Drives two handles of one empty log through everything that is asked of it. See [`crate::conformance`].
///
/// # Errors
/// The cases that it does not hold.
pub async fn check(one: Arc<dyn DenialLog>, other: Arc<dyn DenialLog>) -> Result<(), NotConformant> {
    let mut cases = Cases::default();
    cases.note("an empty log can be read", empty(&one).await);
    cases.note("what one adds the other reads as it is", content(&one, &other).await);
    cases.note("who read goes on where they were", goes_on(&one, &other).await);
    cases.note("who comes from another log begins anew", another_log(&one).await);
    cases.note("who read what is not there any more begins anew", rolled_back(&one, &other).await);
    cases.note("a reader misses nothing of what many add at once", race(&one, &other).await);
    cases.result()
}

async fn add(log: &Arc<dyn DenialLog>, denials: &[LoggedDenial]) -> Result<(), Why> {
    log.append(denials.to_vec()).wait().await.map_err(|error| error.to_string())
}

/// All that comes after a position, and where it ends.
async fn read(
    log: &Arc<dyn DenialLog>,
    mut after: Option<LogPosition>,
) -> Result<(Vec<LoggedDenial>, LogPosition), Why> {
    let mut all = Vec::new();
    loop {
        let page = log.read(after).wait().await.map_err(|error| error.to_string())?;
        if page.has_more && page.denials.is_empty() && after == Some(page.end) {
            return Err("there is more, but no more comes".into());
        }
        all.extend(page.denials);
        after = Some(page.end);
        if !page.has_more {
            return Ok((all, page.end));
        }
    }
}

fn denial(issued_until: i64) -> Result<LoggedDenial, Why> {
    Ok(LoggedDenial::new(random()?, issued_until, KEEP))
}

fn has(all: &[LoggedDenial], wanted: &LoggedDenial) -> bool {
    all.iter().any(|denial| denial.name == wanted.name && denial.issued_until == wanted.issued_until)
}

async fn empty(log: &Arc<dyn DenialLog>) -> Result<(), Why> {
    let (_, end) = read(log, None).await?;
    let (again, still) = read(log, Some(end)).await?;
    same("which log it is", &still.log, &end.log)?;
    same("what comes after its end", &again, &Vec::new())
}

async fn content(one: &Arc<dyn DenialLog>, other: &Arc<dyn DenialLog>) -> Result<(), Why> {
    let denials = [denial(i64::MAX)?, denial(1_795_000_000)?, denial(-1)?];
    add(one, &denials).await?;
    let (all, _) = read(other, None).await?;
    for denial in &denials {
        let found = all.iter().find(|found| found.name == denial.name).ok_or("a denial is missing")?;
        same("until when tokens were issued", &found.issued_until, &denial.issued_until)?;
        let lost = KEEP.saturating_sub(found.keep);
        if found.keep > KEEP || lost > Duration::from_secs(60) {
            return Err(format!("how long it counts: got {:?}, wanted {KEEP:?}", found.keep));
        }
    }
    Ok(())
}

async fn goes_on(one: &Arc<dyn DenialLog>, other: &Arc<dyn DenialLog>) -> Result<(), Why> {
    let (first, second) = (denial(1)?, denial(2)?);
    add(one, &[first]).await?;
    let (_, end) = read(other, None).await?;
    add(one, &[second]).await?;
    let (after, _) = read(other, Some(end)).await?;
    same("the new one is there", &has(&after, &second), &true)?;
    same("the old one comes again", &has(&after, &first), &false)
}

async fn another_log(log: &Arc<dyn DenialLog>) -> Result<(), Why> {
    let denial = denial(1)?;
    add(log, &[denial]).await?;
    let (_, end) = read(log, None).await?;
    let elsewhere = LogPosition::new(end.log.wrapping_add(1), u64::MAX / 4, end.mark);
    let (all, end) = read(log, Some(elsewhere)).await?;
    same("which log it is", &(end.log == elsewhere.log), &false)?;
    same("all is there", &has(&all, &denial), &true)
}

/// A log that went back to an earlier state: it ends before the position, or goes on with other entries.
async fn rolled_back(one: &Arc<dyn DenialLog>, other: &Arc<dyn DenialLog>) -> Result<(), Why> {
    let (old, new) = (denial(1)?, denial(2)?);
    add(one, &[old]).await?;
    let (_, end) = read(other, None).await?;
    let beyond = LogPosition { entry: end.entry + 3, ..end };
    let replaced = LogPosition { mark: end.mark.wrapping_add(1), ..end };
    for lost in [beyond, replaced] {
        begins_anew(other, lost, &[old]).await?;
    }
    add(one, &[new]).await?;
    begins_anew(other, replaced, &[old, new]).await?;
    let page = other.read(Some(end)).wait().await.map_err(|error| error.to_string())?;
    same("who was there begins anew", &page.is_anew, &false)
}

async fn begins_anew(
    log: &Arc<dyn DenialLog>,
    lost: LogPosition,
    wanted: &[LoggedDenial],
) -> Result<(), Why> {
    let page = log.read(Some(lost)).wait().await.map_err(|error| error.to_string())?;
    same("the page says that it begins anew", &page.is_anew, &true)?;
    let (mut all, end) = (page.denials, page.end);
    if page.has_more {
        all.extend(read(log, Some(end)).await?.0);
    }
    same("all is there", &wanted.iter().all(|denial| has(&all, denial)), &true)
}

async fn race(one: &Arc<dyn DenialLog>, other: &Arc<dyn DenialLog>) -> Result<(), Why> {
    let (_, start) = read(other, None).await?;
    let all = crowd(|number| {
        let log = Arc::clone(if number % 2 == 0 { one } else { other });
        async move {
            let denial = denial(7)?;
            add(&log, &[denial]).await.map(|()| denial)
        }
    });
    let added = all.await?.into_iter().collect::<Result<Vec<LoggedDenial>, Why>>()?;
    let (read, _) = read(other, Some(start)).await?;
    same("how many are there", &added.iter().filter(|denial| has(&read, denial)).count(), &CROWD)
}
