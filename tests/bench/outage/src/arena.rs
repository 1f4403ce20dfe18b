//! One cluster with all its applications: struck, watched, mended.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use hickory_proto::rr::Name;
use pointsman_testbed::{database::SERVERS, namespace::Namespace, watcher::Watcher};

use crate::{
    application::{self, Applications},
    contestant::{Contestant, Stage, Task},
    fault::Fault,
    findings::Findings,
    ground::{Ground, Strike},
    host::Host,
    place::{Place, READ, WRITE},
    site::Site,
    writer::Writer,
};

/// A cluster and its applications. Dropped, all of it ends.
pub(crate) struct Arena {
    place: Place,
    writers: Vec<Entrant>,
    watcher: Watcher,
    site: Site,
    hosts: Vec<(Contestant, Host)>,
    ground: Ground,
    order: [usize; SERVERS],
}

/// An application that takes part.
struct Entrant {
    who: Contestant,
    writer: Writer,
    /// Whether it had come back from the last fault when that was mended.
    is_back: Option<Fault>,
}

impl Arena {
    /// Makes the cluster, with the files of everything around it below `folder`, and starts the
    /// applications.
    pub(crate) fn start(stage: Stage, folder: &Path) -> Self {
        let place = Place { stage };
        let folder = folder.join(format!("{stage:?}"));
        fs::create_dir(&folder).expect("a folder can be made");
        // The applications' users look into it.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("it is ours");
        let ground = Ground::start(place);
        let port = ground.port();
        let mut site = Site::start(place, port, &folder);
        let host = |(number, who): (u8, Contestant)| {
            (who, Host::new(number, place.name_server(who.way), &folder))
        };
        let hosts: Vec<_> = (0..).zip(stage.contestants()).map(host).collect();
        site.follow(&hosts);
        for (number, (who, host)) in (0..).zip(&hosts) {
            site.pool(*who, number, host, port);
        }
        if let Ground::Patroni(patroni) = &ground {
            site.balance(port, patroni.rest_port());
        }
        let applications = Applications::install(&folder);
        let entrant = |(number, (who, host)): (u8, &(Contestant, Host))| {
            let command = applications.command(*who, number, host, place, port);
            let log = folder.join(format!("application{number}.log"));
            let writer = Writer::start(command, &log, application::names(place));
            Entrant { who: *who, writer, is_back: None }
        };
        let writers = (0..).zip(&hosts).map(entrant).collect();
        let [write, read] =
            [WRITE, READ].map(|name| Name::from_ascii(format!("{name}.")).expect("a valid name"));
        let watcher = Watcher::start(site.dns(), write, read);
        Self { place, writers, watcher, site, hosts, ground, order: [0, 1, 2] }
    }

    /// Waits until every application writes to the primary, or reads.
    ///
    /// # Errors
    /// When one does not, after some patience; with what it says instead.
    pub(crate) fn await_health(&self) -> Result<(), String> {
        let deadline = Instant::now() + HEALTH;
        for entrant in &self.writers {
            let is_well = || {
                let now = Instant::now();
                let server = (entrant.who.task == Task::Write).then_some(self.order[0]);
                entrant.writer.look(|story| story.is_well(server, now, LATELY))
            };
            while !is_well() {
                if Instant::now() > deadline {
                    return Err(format!(
                        "{} is not well while the primary is db{} of {}\n{}\n{}",
                        entrant.who.title(),
                        self.order[0] + 1,
                        self.place.stage.title(),
                        entrant.writer.tell(),
                        self.site.tell(),
                    ));
                }
                thread::sleep(LOOK_EVERY);
            }
        }
        Ok(())
    }

    /// One fault, until everybody writes again or enough time has passed, and until all is mended.
    pub(crate) fn round(&mut self, fault: Fault, namespace: &Namespace, findings: &mut Findings) {
        let stage = self.place.stage;
        for entrant in &mut self.writers {
            let story = entrant.writer.take();
            if let Some(last) = entrant.is_back.take() {
                findings.entry(stage, last, entrant.who).relapses += story.failed();
            }
        }
        let strike = self.ground.strike(fault, self.order, self.place, namespace);
        let resumed = |entrant: &Entrant| entrant.writer.look(|story| story.resumed(strike.winner));
        let bound = strike.visible + bound(stage);
        let is_over = |entrant: &Entrant| {
            entrant.who.task == Task::Read
                || resumed(entrant).is_some()
                || findings.gave_up(stage, fault, entrant.who)
        };
        while Instant::now() < bound && !self.writers.iter().all(is_over) {
            thread::sleep(LOOK_EVERY);
        }
        self.collect(&strike, findings);
        self.order = self.ground.mend(strike, self.order);
        // An agent does not believe at once that a name returns to a server that it left a minute
        // ago. Here one moves several times a minute, as no cluster does: each round has new agents.
        self.site.follow(&self.hosts);
    }

    fn collect(&mut self, strike: &Strike, findings: &mut Findings) {
        let (stage, old) = (self.place.stage, self.order[0]);
        let moved = self.moved(strike);
        let from = |start: Instant, end: Option<Instant>| end.map(|end| milliseconds(start, end));
        findings.add_move(stage, strike.fault, from(strike.visible, moved));
        for entrant in &mut self.writers {
            let story = entrant.writer.take();
            if entrant.who.task == Task::Read {
                let longest = story.longest_pause(Instant::now()).as_secs_f64() * 1e3;
                let key = (stage, strike.fault, entrant.who);
                findings.add_pause(key, longest, story.failed());
                continue;
            }
            let resumed = story.resumed(strike.winner);
            let waited = Instant::now() >= strike.visible + bound(stage)
                && !findings.gave_up(stage, strike.fault, entrant.who);
            entrant.is_back = resumed.map(|_| strike.fault);
            let outages = findings.entry(stage, strike.fault, entrant.who);
            if let Some(moved) = moved {
                outages.astray += story.acknowledged_after(old, moved);
            }
            if resumed.is_none() && !waited {
                continue;
            }
            outages.never += usize::from(resumed.is_none());
            outages.visible.add(from(strike.visible, resumed));
            outages.fault.add(from(strike.at, resumed));
            if let Some(called) = strike.called {
                outages.called.add(from(called, resumed));
            }
            if let Some(resumed) = resumed {
                outages.relapses += story.failed_after(resumed);
            }
        }
    }

    /// When Pointsman came to name the new primary.
    fn moved(&self, strike: &Strike) -> Option<Instant> {
        let winner = self.place.servers()[strike.winner];
        let record = self.watcher.record();
        let mut later = record.writes.iter().filter(|sample| sample.until > strike.at);
        later.find(|sample| sample.answer.addresses == [winner]).map(|sample| sample.asked)
    }
}

/// From one moment to another, which may be the earlier one.
fn milliseconds(from: Instant, to: Instant) -> f64 {
    let ahead = to.saturating_duration_since(from).as_secs_f64();
    (ahead - from.saturating_duration_since(to).as_secs_f64()) * 1e3
}

/// Who does not write again within this time after the new primary says that it is writable, never
/// does. HAProxy needs three checks of 5 s, with 3 s between them, to give a frozen server up.
fn bound(stage: Stage) -> Duration {
    match stage {
        Stage::Postgres | Stage::MariaDb => Duration::from_secs(15),
        Stage::Patroni => Duration::from_secs(30),
    }
}

/// How long applications may take to write to the new primary when all is mended.
const HEALTH: Duration = Duration::from_secs(60);

/// How old the last write of an application that is well may be.
const LATELY: Duration = Duration::from_millis(500);

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);
