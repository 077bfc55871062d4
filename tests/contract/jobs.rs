//! Jobs: accepted once, noted as they go on, over for good.

use super::bench::*;
use sessiond::domain::audit::{Action, Detail, Draft, Outcome as How};
use sessiond::domain::ending::{Actor, Note};
use sessiond::domain::job::{Assignment, Job, JobId, JobState, Progress};
use sessiond::domain::listing::Filter;
use sessiond::store::JobCreated;

store_contract! {
    a_job_is_found_by_its_id_and_in_the_list,
    accepting_leaves_one_event_also_when_it_is_repeated,
    an_id_is_a_jobs_once,
    no_more_jobs_run_than_were_asked_for,
    a_job_goes_on_until_it_is_over_and_not_after,
    a_job_that_was_given_up_says_so,
    jobs_outlive_a_reopening,
    jobs_that_are_over_are_swept_and_running_ones_never,
}

fn job(bench: &Bench) -> Job {
    let Ok(Some(note)) = Note::parse("lost laptop") else { unreachable!() };
    let assignment = Assignment {
        filter: Filter { agent: Some("curl".to_owned()), ..Filter::default() },
        asked: Detail::new("agent curl"),
        by: Actor::Operator,
        note,
        from: Some([192, 0, 2, 7].into()),
        spared: None,
        accepted: bench.now(),
    };
    Job::new(JobId::new(&*bench.dice), assignment)
}

async fn accepted(bench: &Bench) -> Result<Job, Failure> {
    let job = job(bench);
    assert_eq!(bench.store.create_job(job.clone(), 16).await?, JobCreated::Done);
    Ok(job)
}

fn at(examined: u64, ended: u64, state: JobState) -> Progress {
    Progress { examined, ended, state }
}

async fn a_job_is_found_by_its_id_and_in_the_list(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    assert_eq!(bench.store.jobs().await?, []);
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(accepted(&bench).await?);
        bench.clock.advance(SECOND);
    }
    assert_eq!(bench.store.jobs().await?, all, "the oldest first");
    assert_eq!(bench.store.job(all[1].id).await?, Some(all[1].clone()));
    assert_eq!(bench.store.job(JobId::new(&*bench.dice)).await?, None);
    Ok(())
}

async fn accepting_leaves_one_event_also_when_it_is_repeated(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let job = accepted(&bench).await?;
    assert_eq!(bench.store.create_job(job.clone(), 0).await?, JobCreated::Done);
    let events = bench.events().await?;
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].at, &events[0].draft), (bench.now(), &Draft::job_ordered(&job)));
    assert_eq!(events[0].draft.note, Some(job.assignment.note));
    Ok(())
}

async fn an_id_is_a_jobs_once(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let first = accepted(&bench).await?;
    bench.clock.advance(SECOND);
    let second = Job { id: first.id, ..job(&bench) };
    assert_eq!(bench.store.create_job(second, 16).await?, JobCreated::IdTaken);
    assert_eq!(bench.store.jobs().await?, [first]);
    Ok(())
}

async fn no_more_jobs_run_than_were_asked_for(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let first = accepted(&bench).await?;
    assert_eq!(bench.store.create_job(job(&bench), 1).await?, JobCreated::TooMany);
    assert_eq!((bench.store.jobs().await?.len(), bench.events().await?.len()), (1, 1));
    bench.store.note_job(first.id, at(0, 0, JobState::Done(bench.now()))).await?;
    assert_eq!(bench.store.create_job(job(&bench), 1).await?, JobCreated::Done);
    Ok(())
}

async fn a_job_goes_on_until_it_is_over_and_not_after(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let job = accepted(&bench).await?;
    let half = at(5, 4, JobState::Running);
    bench.store.note_job(job.id, half.clone()).await?;
    assert_eq!(bench.store.job(job.id).await?, Some(Job { progress: half, ..job.clone() }));
    assert_eq!(bench.events().await?.len(), 1);
    let done = at(9, 8, JobState::Done(bench.now()));
    for progress in [done.clone(), at(10, 9, JobState::Running), at(10, 9, JobState::Done(bench.now() + SECOND))] {
        bench.store.note_job(job.id, progress).await?;
        assert_eq!(bench.store.job(job.id).await?.map(|job| job.progress), Some(done.clone()));
    }
    let events = bench.events().await?;
    assert_eq!(events.len(), 2);
    let over = &events[1].draft;
    assert_eq!((over.action, over.outcome, over.ended), (Action::FinishJob, How::Success, 0));
    assert_eq!(*over, Draft::job_over(&Job { progress: done, ..job }));
    bench.store.note_job(JobId::new(&*bench.dice), at(1, 1, JobState::Running)).await?;
    assert_eq!(bench.store.jobs().await?.len(), 1, "what is noted of no job makes none");
    Ok(())
}

async fn a_job_that_was_given_up_says_so(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let job = accepted(&bench).await?;
    let failed = at(2, 1, JobState::Failed(bench.now(), Detail::new("the key is gone")));
    bench.store.note_job(job.id, failed.clone()).await?;
    assert_eq!(bench.store.job(job.id).await?.map(|job| job.progress), Some(failed));
    let over = bench.events().await?.pop().ok_or("no event")?.draft;
    assert_eq!((over.action, over.outcome), (Action::FinishJob, How::Failure));
    assert!(over.detail.is_some_and(|detail| detail.as_str().contains("the key is gone")));
    Ok(())
}

async fn jobs_outlive_a_reopening(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let (one, two) = (accepted(&bench).await?, accepted(&bench).await?);
    bench.store.note_job(one.id, at(5, 4, JobState::Running)).await?;
    bench.store.note_job(two.id, at(1, 1, JobState::Done(bench.now()))).await?;
    let before = (bench.store.jobs().await?, bench.events().await?);
    bench.reopen().await?;
    assert_eq!((bench.store.jobs().await?, bench.events().await?), before);
    Ok(())
}

async fn jobs_that_are_over_are_swept_and_running_ones_never(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (running, old, late) = (accepted(&bench).await?, accepted(&bench).await?, accepted(&bench).await?);
    bench.store.note_job(old.id, at(0, 0, JobState::Done(bench.now()))).await?;
    bench.clock.advance(HOUR);
    let before = bench.now();
    bench.store.note_job(late.id, at(0, 0, JobState::Failed(bench.now(), Detail::new("no")))).await?;
    bench.clock.advance(HOUR);
    while bench.store.sweep(before, 1).await? > 0 {}
    assert_eq!(bench.store.job(old.id).await?, None);
    assert_eq!(bench.store.job(running.id).await?, Some(running));
    assert!(bench.store.job(late.id).await?.is_some());
    Ok(())
}
