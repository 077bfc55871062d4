//! Jobs in backups, and jobs whose records cannot be read.

use sessiond::domain::audit::Detail;
use sessiond::domain::ending::Note;
use sessiond::domain::job::{Assignment, Job, JobId, JobState, Progress};
use sessiond::domain::listing::Filter;
use sessiond::store::{JobCreated, Jobs};

use super::*;

async fn accepted(sled: &Sled) -> Job {
    let note = Note::parse("lost laptop").unwrap().unwrap();
    let (filter, asked) = (Filter::default(), Detail::new("all"));
    let (by, from, spared) = (Actor::Operator, None, None);
    let assignment = Assignment { filter, asked, by, note, from, spared, accepted: START };
    let job = Job::new(JobId::new(&OsEntropy), assignment);
    assert_eq!(sled.create_job(job.clone(), 16).await.unwrap(), JobCreated::Done);
    job
}

#[tokio::test]
async fn jobs_are_in_a_backup_and_in_a_compacted_database() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    filled(folder.path()).await;
    let (_, environment) = at(START + MINUTE * 31);
    let sled = Sled::open(folder.path(), environment.clone()).await.unwrap();
    let (running, done) = (accepted(&sled).await, accepted(&sled).await);
    let progress = Progress { examined: 2, ended: 1, state: JobState::Done(START) };
    sled.note_job(done.id, progress.clone()).await.unwrap();
    sled.close().await.unwrap();
    drop(sled);
    assert_eq!(Sled::check(folder.path(), environment.clone()).await.unwrap().findings, [""; 0]);
    assert_eq!(Sled::compact(folder.path(), environment.clone()).await.unwrap().totals.of("jobs"), 2);
    let file = elsewhere.path().join("backup");
    assert_eq!(Sled::back_up(folder.path(), environment.clone(), &file, false).await.unwrap().of("jobs"), 2);
    let target = elsewhere.path().join("data");
    assert_eq!(Sled::restore(&target, environment.clone(), &file, false).await.unwrap().totals.of("jobs"), 2);
    for place in [folder.path(), &target] {
        let sled = Sled::open(place, environment.clone()).await.unwrap();
        assert_eq!(sled.job(running.id).await.unwrap(), Some(running.clone()));
        assert_eq!(sled.job(done.id).await.unwrap().map(|job| job.progress), Some(progress.clone()));
        sled.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_job_that_cannot_be_read_keeps_no_other_from_being_done() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path()).await;
    let (_, environment) = at(START + MINUTE * 31);
    let sled = Sled::open(folder.path(), environment.clone()).await.unwrap();
    let (broken, sound) = (accepted(&sled).await, accepted(&sled).await);
    sled.close().await.unwrap();
    drop(sled);
    let raw = ::sled::open(folder.path().join("db")).unwrap();
    raw.open_tree("jobs").unwrap().insert(broken.id.bytes(), &b"no record at all"[..]).unwrap();
    raw.flush().unwrap();
    drop(raw);
    let sled = Sled::open(folder.path(), environment.clone()).await.unwrap();
    assert_eq!(sled.jobs().await.unwrap(), std::slice::from_ref(&sound));
    assert!(sled.job(broken.id).await.is_err());
    accepted(&sled).await;
    sled.close().await.unwrap();
    drop(sled);
    let report = Sled::check(folder.path(), environment).await.unwrap();
    assert!(report.findings.iter().any(|finding| finding.starts_with("jobs:")), "{report:?}");
}
