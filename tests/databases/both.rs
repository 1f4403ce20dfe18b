//! A PostgreSQL and a MariaDB cluster in one configuration, asked by `dig`.
//!
//! While one of them goes through a failover, the other one's answers must not even blink.

use std::net::{IpAddr, Ipv4Addr};

use crate::{
    dig::dig,
    in_turn,
    mysql_cluster::MySqlCluster,
    mysql_programs::MySqlPrograms,
    patience,
    pointsman::{Cluster, Engine, Pointsman},
    postgres_cluster::PgCluster,
    postgres_programs::Programs,
    scene::Scene,
};

const POSTGRES: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 1, 1), Ipv4Addr::new(127, 0, 1, 2), Ipv4Addr::new(127, 0, 1, 3)];
const MARIADB: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 2, 1), Ipv4Addr::new(127, 0, 2, 2), Ipv4Addr::new(127, 0, 2, 3)];

#[test]
fn both_engines() {
    in_turn(|| {
        let mut postgres = PgCluster::start(Programs::installed(), &POSTGRES);
        let mut mariadb = MySqlCluster::start(MySqlPrograms::mariadb(), &MARIADB);
        let db = Cluster::new("db", Engine::Postgres, POSTGRES, postgres.port());
        let shop = Cluster::new("shop", Engine::MySql, MARIADB, mariadb.port());
        let pointsman = Pointsman::serve(&[&db, &shop]);
        let open = |title: &str, cluster, primary, readers: &[usize]| {
            Scene::open(format!("both: {title}"), &pointsman, cluster, primary, readers)
        };

        let other = open("MariaDB, while PostgreSQL fails over", &shop, 0, &[1, 2]);
        let mut storm = open("PostgreSQL fails over", &db, 0, &[1, 2]);
        expect(&pointsman, &db, &[0], &[1, 2], false);
        postgres.kill9(0);
        storm.expect_state(0, "Down");
        expect(&pointsman, &db, &[0], &[1, 2], true);
        storm.may_write(&[0, 1]);
        postgres.promote(1);
        postgres.repoint(2, 1);
        expect(&pointsman, &db, &[1], &[2], false);
        postgres.start_server(0);
        storm.expect_state(0, "StalePrimary");
        expect(&pointsman, &db, &[1], &[2], false);
        postgres.rebuild(0, 1);
        expect(&pointsman, &db, &[1], &[0, 2], false);
        storm.close();
        other.assert_unmoved(0, &[1, 2]);
        other.close();

        let other = open("PostgreSQL, while MariaDB fails over", &db, 1, &[0, 2]);
        let mut storm = open("MariaDB fails over", &shop, 0, &[1, 2]);
        expect(&pointsman, &shop, &[0], &[1, 2], false);
        mariadb.kill9(0);
        storm.expect_state(0, "Down");
        expect(&pointsman, &shop, &[0], &[1, 2], true);
        storm.may_write(&[0, 1]);
        mariadb.promote(1);
        mariadb.write(1, "after the failover");
        mariadb.follow(2, 1);
        expect(&pointsman, &shop, &[1], &[2], false);
        mariadb.start_server(0, false);
        storm.expect_state(0, "StalePrimary");
        expect(&pointsman, &shop, &[1], &[2], false);
        mariadb.follow(0, 1);
        expect(&pointsman, &shop, &[1], &[0, 2], false);
        storm.close();
        other.assert_unmoved(1, &[0, 2]);
        other.close();
        pointsman.stop();
    });
}

/// Waits until `dig` gets these servers from the write name and from the read name, and for writes
/// an Extended DNS Error if `held`.
fn expect(pointsman: &Pointsman, cluster: &Cluster, write: &[usize], read: &[usize], held: bool) {
    let addresses = |servers: &[usize]| -> Vec<IpAddr> {
        let mut addresses: Vec<IpAddr> =
            servers.iter().map(|server| cluster.servers[*server].into()).collect();
        addresses.sort_unstable();
        addresses
    };
    let mut said = Vec::new();
    let agrees = patience::poll(patience::PATIENCE, || {
        let writes = dig(pointsman.dns(), &cluster.write_name());
        let reads = dig(pointsman.dns(), &cluster.read_name());
        let right = writes.is_sound()
            && reads.is_sound()
            && writes.addresses() == addresses(write)
            && writes.has_extended_error() == held
            && reads.addresses() == addresses(read);
        said = vec![writes.text().to_owned(), reads.text().to_owned()];
        right.then_some(())
    });
    assert!(
        agrees.is_some(),
        "{}: wanted {write:?} for writes and {read:?} for reads, held: {held}\n{}\n{}",
        cluster.name,
        said.join("\n"),
        pointsman.log().tail(40)
    );
}
