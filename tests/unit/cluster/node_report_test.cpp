// What a server tells of itself.
#include "proxy/cluster/node_report.h"

#include "catch.h"

using namespace slotless::cluster;

TEST_CASE("INFO's numbers are taken over, and what is not told stays unknown") {
  NodeReport report;
  takeInfo(
      report,
      "# Server\r\nredis_version:7.0.15\r\nuptime_in_seconds:12\r\n# Memory\r\nused_memory:1000\r\n"
      "maxmemory:0\r\nmaxmemory_policy:noeviction\r\nrole:master\r\nmaster_repl_offset:77\r\nloading:0\r\n"
      "db0:keys=3,expires=1,avg_ttl=0\r\ndb9:keys=4,expires=0,avg_ttl=0\r\n");
  CHECK(report.server == "redis 7.0.15");
  CHECK(report.uptimeSeconds == 12);
  CHECK(report.memoryBytes == 1000);
  CHECK(report.memoryLimitBytes == 0);
  CHECK(report.keys == 7);
  CHECK(report.keysWithExpiry == 1);
  CHECK(report.replicationOffset == 77);
  CHECK_FALSE(report.loading);
  CHECK(report.clients == std::nullopt);
}

TEST_CASE("a replica's offset is what it has received, and Valkey says its own version") {
  NodeReport report;
  takeInfo(
      report,
      "redis_version:7.2.4\nserver_name:valkey\nvalkey_version:8.1.0\nrole:slave\nmaster_link_status:down\n"
      "slave_repl_offset:5\nmaster_repl_offset:9\nloading:1");
  CHECK(report.server == "valkey 8.1.0");
  CHECK(report.replicationOffset == 5);
  CHECK(report.masterLink == "down");
  CHECK(report.loading);
  CHECK(report.keys == 0);
}

TEST_CASE("open slots are those in the node's own line") {
  const auto slots = openSlotsIn(
      "aa 10.0.0.1:1@2 master - 0 1 1 connected 0-5 [7->-xx]\n"
      "bb 10.0.0.2:1@2 myself,master - 0 1 1 connected 6-9 [93->-cc] [77-<-dd] [x->-y] [12]\n");
  CHECK(slots == std::vector<OpenSlot>{{93, true, "cc"}, {77, false, "dd"}});
  CHECK(openSlotsIn("").empty());
}
