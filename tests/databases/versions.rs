//! The probe against every supported major version of PostgreSQL, as primary, as standby, and
//! promoted; and with what servers give new sessions.

use std::net::Ipv4Addr;

use crate::{
    in_turn,
    pointsman::{Cluster, Engine, Pointsman},
    postgres_cluster::{PgCluster, Shutdown},
    postgres_versions::{VERSIONS, major, programs},
    scene::Scene,
    session_settings,
};

const SERVERS: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 4, 1), Ipv4Addr::new(127, 0, 4, 2)];

#[test]
fn postgres_12_to_18() {
    in_turn(|| {
        for version in VERSIONS {
            let major = major(version);
            let mut servers = PgCluster::start(programs(version), &SERVERS);
            let running = servers.value(0, "SHOW server_version_num");
            assert_eq!(running.parse::<u32>().ok().map(|number| number / 10_000), Some(major));

            session_settings::check(&servers, SERVERS[0]);

            let cluster = Cluster::new("db", Engine::Postgres, SERVERS, servers.port());
            let pointsman = Pointsman::serve(&[&cluster]);
            let title = format!("PostgreSQL {major}: a primary and a standby, then a switchover");
            let mut scene = Scene::open(title, &pointsman, &cluster, 0, &[1]);
            servers.stop(0, Shutdown::Fast);
            scene.expect_state(0, "Down");
            scene.may_write(&[0, 1]);
            servers.promote(1);
            scene.expect_write(1);
            servers.start_as_standby(0, 1);
            scene.expect_state(0, "Replica");
            scene.expect_reads(&[0]);
            scene.close();
            pointsman.stop();
        }
    });
}
