//! Two hundred kills at random moments, while overrides are laid and lifted: the state file can
//! always be read, the serial never goes back, and what was acknowledged is not lost.

use std::{
    collections::BTreeMap,
    env, thread,
    time::{Duration, Instant},
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::Scene;
use crate::process::Service;

/// Times that it is killed.
const KILLS: usize = 200;

/// It lives no longer than this, in milliseconds.
const LONGEST_LIFE: u64 = 120;

/// The servers that are drained and not.
const SERVERS: [&str; 2] = ["db2", "db3"];

/// The reason of the drain of a server; `None` when it is not drained.
type Drained = Option<String>;

/// What may be found after the next kill.
#[derive(Default)]
struct Expected {
    /// By server, what was acknowledged last.
    known: BTreeMap<&'static str, Drained>,
    /// What was asked for and not answered.
    open: Option<(&'static str, Drained)>,
    serial: u32,
    acknowledged: usize,
    serials: usize,
}

#[test]
fn two_hundred_kills_lose_nothing() {
    let seed = env::var("POINTSMAN_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(rand::random::<u64>);
    println!("POINTSMAN_SEED={seed} kills at the same moments");
    let mut random = StdRng::seed_from_u64(seed);
    let scene = Scene::new([127, 53, 9], 5309);
    // A first life that gets as far as to serve, so that there is something to lose.
    scene.started().stop();
    let mut expected = Expected::default();
    for _ in 0..KILLS {
        live(&scene, &mut expected, &mut random);
        compare(&scene, &mut expected);
    }
    let service = scene.started_somehow();
    let serial = scene.serial().expect("an answer");
    assert!(serial >= expected.serial, "{serial} after {}", expected.serial);
    service.stop();
    compare(&scene, &mut expected);
    println!(
        "{} changes acknowledged, {} serials seen, the last one {serial}",
        expected.acknowledged, expected.serials
    );
    assert!(expected.acknowledged > 20, "{} changes are no storm", expected.acknowledged);
}

impl Scene {
    /// Started, and it answers.
    fn started_somehow(&self) -> Service {
        let service = self.start();
        crate::patience::until("it answers", || self.serial().is_some());
        service
    }
}

/// One life: changes until the kill.
fn live(scene: &Scene, expected: &mut Expected, random: &mut StdRng) {
    let service = scene.start();
    // Counted from when it answers in half of the lives, so that it also dies while it starts.
    if random.random() {
        crate::patience::until("it answers", || scene.serial().is_some());
    }
    let life = Duration::from_micros(random.random_range(0..LONGEST_LIFE * 1_000));
    let end = Instant::now() + life;
    let id = Pid::from_raw(i32::try_from(service.id()).expect("a process id")).expect("not 0");
    thread::scope(|scope| {
        scope.spawn(move || {
            // The moment of the kill is the input of this test; nothing is waited for.
            thread::sleep(life);
            kill_process(id, Signal::KILL).expect("it is ours, and has not been waited for");
        });
        while Instant::now() < end {
            note_serial(scene, expected);
            if !change(scene, expected, random) {
                break;
            }
        }
    });
    // Dropped, it is waited for.
    drop(service);
}

fn note_serial(scene: &Scene, expected: &mut Expected) {
    if let Some(serial) = scene.serial() {
        assert!(serial >= expected.serial, "{serial} after {}", expected.serial);
        expected.serial = serial;
        expected.serials += 1;
    }
}

/// Asks for one change; whether it was answered, or nothing has been asked yet.
fn change(scene: &Scene, expected: &mut Expected, random: &mut StdRng) -> bool {
    if !scene.settings.folder().join("admin.sock").exists() {
        return true;
    }
    let server = SERVERS[random.random_range(0..SERVERS.len())];
    let is_drained = expected.known.get(server).is_some_and(Option::is_some);
    let wanted = match is_drained && random.random() {
        true => None,
        false => Some(format!("reason {}", random.random::<u32>())),
    };
    let reply = match &wanted {
        Some(reason) => scene.post(
            "/v1/drain",
            &json!({
                "server": server, "force": true, "forever": true, "author": "test",
                "reason": reason
            }),
        ),
        None => scene.post("/v1/undrain", &json!({ "server": server, "author": "test" })),
    };
    match reply {
        Some((200, reply)) => {
            assert_eq!(reply["warnings"], json!([]), "{reply}");
            expected.known.insert(server, wanted);
            expected.acknowledged += 1;
            true
        }
        Some((status, reply)) => panic!("{status}: {reply}"),
        None => {
            // It may be in force, and in the file, or not.
            expected.open = Some((server, wanted));
            false
        }
    }
}

/// What is in the file is what was acknowledged, or asked for last.
fn compare(scene: &Scene, expected: &mut Expected) {
    let image = scene.image().expect("a state file");
    assert!(image.serial_limit >= expected.serial, "{image:?} after {}", expected.serial);
    let overrides = image.clusters.get("orders").map_or(&[][..], |cluster| &cluster.overrides);
    for server in SERVERS {
        let found: Drained = overrides
            .iter()
            .find(|laid| laid.server.as_deref() == Some(server))
            .map(|laid| laid.reason.to_string());
        let known = expected.known.get(server).cloned().flatten();
        let open = expected.open.as_ref().filter(|(of, _)| *of == server);
        let is_right = found == known || open.is_some_and(|(_, wanted)| *wanted == found);
        assert!(is_right, "{server}: {found:?}, acknowledged {known:?}, asked for {open:?}");
        expected.known.insert(server, found);
    }
    expected.open = None;
}
