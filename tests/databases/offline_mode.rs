//! `offline_mode` of MySQL: the server ends the sessions of ordinary users and lets no new ones in
//! (3032), because somebody wants it so. It is in maintenance from the first moment on, and never
//! Down.

use std::net::Ipv4Addr;

use crate::{
    in_turn,
    mysql_cluster::MySqlCluster,
    mysql_programs::MySqlPrograms,
    pointsman::{Cluster, Engine, Pointsman},
    scene::Scene,
};

const SERVERS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 12, 1), Ipv4Addr::new(127, 0, 12, 2), Ipv4Addr::new(127, 0, 12, 3)];

/// How far apart probes are: a session that ends between two of them is found out at once, one that
/// ends in the middle of a probe by that probe.
const INTERVALS: [Option<&str>; 3] = [None, Some("1s"), Some("5s")];

#[test]
fn mysql_in_offline_mode() {
    in_turn(|| {
        let servers = MySqlCluster::start(MySqlPrograms::mysql(), &SERVERS);
        for interval in INTERVALS {
            let mut cluster = Cluster::new("shop", Engine::MySql, SERVERS, servers.port());
            cluster.interval = interval;
            let pointsman = Pointsman::serve(&[&cluster]);
            for server in [1, 0] {
                let title =
                    format!("MySQL: server {server} in offline mode, probed every {interval:?}");
                let mut scene = Scene::open(title, &pointsman, &cluster, 0, &[1, 2]);
                scene.may_be_empty();
                servers.sql(server, &["SET GLOBAL offline_mode = ON"]);
                scene.expect_state(server, "OutOfService");
                if server == 1 {
                    scene.expect_reads(&[2]);
                } else {
                    scene.expect_no_write();
                }
                scene.watch_a_while();
                servers.sql(server, &["SET GLOBAL offline_mode = OFF"]);
                let role = if server == 0 { "Primary" } else { "Replica" };
                scene.expect_state(server, role);
                scene.expect_reads(&[1, 2]);
                scene.expect_write(0);
                let path = scene.state_path(server);
                scene.assert(path == ["OutOfService", role], &format!("it went through {path:?}"));
                scene.close();
            }
            pointsman.stop();
        }
    });
}
