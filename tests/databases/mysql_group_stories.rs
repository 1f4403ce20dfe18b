//! MySQL Group Replication with a single primary: the group elects, and Pointsman follows.

use std::net::Ipv4Addr;

use crate::{
    in_turn,
    mysql_group::MySqlGroup,
    pointsman::{Cluster, Engine, Pointsman},
    scene::Scene,
};

const MEMBERS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(127, 0, 10, 1), Ipv4Addr::new(127, 0, 10, 2), Ipv4Addr::new(127, 0, 10, 3)];

#[test]
fn group_replication() {
    in_turn(|| {
        let mut members = MySqlGroup::start(&MEMBERS);
        let cluster = Cluster::new("team", Engine::MySql, MEMBERS, members.port());
        let pointsman = Pointsman::serve(&[&cluster]);
        let scene = |title: &str, writer, readers: &[usize]| {
            let title = format!("Group Replication: {title}");
            Scene::open(title, &pointsman, &cluster, writer, readers)
        };

        let all_well = scene("the primary for writes, the others for reads", 0, &[1, 2]);
        all_well.watch_a_while();
        all_well.assert_unmoved(0, &[1, 2]);
        all_well.close();

        // The group takes five seconds to suspect the dead member.
        let mut election = scene("the primary is killed, another is elected", 0, &[1, 2]);
        election.may_write(&[0, 1]);
        members.kill9(0);
        election.expect_state(0, "Down");
        election.expect_write_held(0);
        members.wait_for_count(1, "ONLINE", 2);
        election.expect_write(1);
        election.expect_reads(&[2]);
        election.assert(members.takes_writes(1), "the elected member takes writes");
        election.close();

        let mut back = scene("the killed member is back, the elected one stays", 1, &[2]);
        members.start_member(0);
        back.expect_reads(&[0, 2]);
        back.watch_a_while();
        back.close();

        let mut switch = scene("a planned switch", 1, &[0, 2]);
        switch.may_be_empty();
        switch.may_write(&[1, 2]);
        members.switch_to(0, 2);
        switch.expect_write(2);
        switch.expect_reads(&[0, 1]);
        switch.assert(members.takes_writes(2), "the new primary takes writes");
        switch.close();

        // A write to the survivor waits for a majority that does not come.
        let mut alone = scene("no majority, no writer", 2, &[0, 1]);
        alone.may_be_empty();
        members.kill9(0);
        members.kill9(1);
        members.wait_for_count(2, "UNREACHABLE", 2);
        alone.expect_no_write();
        alone.assert(!members.takes_writes(2), "there is a majority");
        alone.watch_a_while();
        alone.expect_no_write();
        // The write that waits lets no one stop the group or force its members.
        members.kill9(2);
        members.start_group(2);
        alone.expect_write(2);
        alone.assert(members.takes_writes(2), "the group of one takes writes");
        alone.close();

        let mut again = scene("the others are back", 2, &[2]);
        for member in [0, 1] {
            members.start_member(member);
        }
        again.expect_reads(&[0, 1]);
        again.close();
        pointsman.stop();
    });
}
