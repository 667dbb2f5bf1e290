// INFO of several nodes.
#include "proxy/routing/info_merge.h"

#include "catch.h"
#include "proxy/routing/info_fields.h"
#include "proxy/routing/info_value.h"

namespace slotless::routing {
namespace {

std::string mergedInfo(const std::vector<std::string_view>& texts, const std::vector<OwnInfoField>& own = {}) {
  return mergeInfo(texts, own);
}

TEST_CASE("each field has its own rule", "[info_merge]") {
  CHECK(mergedInfo({"# "
                "Memory\r\nused_memory:1000\r\nused_memory_human:1000B\r\nmaxmemory:10\r\nmem_fragmentation_"
                "ratio:1.50\r\n",
                "# "
                "Memory\r\nused_memory:1048\r\nused_memory_human:1.02K\r\nmaxmemory:0\r\nmem_fragmentation_"
                "ratio:1.25\r\n"}) ==
        "# "
        "Memory\r\nused_memory:2048\r\nused_memory_human:2.00K\r\nmaxmemory:0\r\nmem_fragmentation_ratio:1."
        "50\r\n");
  CHECK(mergedInfo({"# "
                "Persistence\r\nrdb_last_save_time:20\r\nrdb_saves:1\r\nrdb_last_bgsave_status:ok\r\naof_"
                "enabled:0\r\n",
                "# "
                "Persistence\r\nrdb_last_save_time:10\r\nrdb_saves:2\r\nrdb_last_bgsave_status:err\r\naof_"
                "enabled:1\r\n"}) ==
        "# "
        "Persistence\r\nrdb_last_save_time:10\r\nrdb_saves:3\r\nrdb_last_bgsave_status:err\r\naof_enabled:"
        "1\r\n");
  CHECK(mergedInfo({"# CPU\r\nused_cpu_sys:0.250000\r\n", "# CPU\r\nused_cpu_sys:1.500000\r\n"}) ==
        "# CPU\r\nused_cpu_sys:1.750000\r\n");
  CHECK(mergedInfo({"# Memory\r\nused_memory_peak_perc:50.10%\r\n",
                "# Memory\r\nused_memory_peak_perc:90.00%\r\n"}) ==
        "# Memory\r\nused_memory_peak_perc:90.00%\r\n");
  CHECK(mergedInfo({"# Server\r\nos:Linux\r\nhz:10\r\n", "# Server\r\nos:Other\r\nhz:10\r\n"}) ==
        "# Server\r\nos:Linux\r\nhz:10\r\n");
}

TEST_CASE("counters are summed part by part", "[info_merge]") {
  CHECK(mergedInfo({"# Commandstats\r\ncmdstat_get:calls=2,usec=10,usec_per_call=5.00\r\n",
                "# Commandstats\r\ncmdstat_set:calls=1,usec=1,usec_per_call=1.00\r\n"
                "cmdstat_get:calls=2,usec=2,usec_per_call=1.00\r\n"}) ==
        "# Commandstats\r\ncmdstat_get:calls=4,usec=12,usec_per_call=3.00\r\n"
        "cmdstat_set:calls=1,usec=1,usec_per_call=1.00\r\n");
  CHECK(mergedInfo({"# Keyspace\r\ndb0:keys=4,expires=3,avg_ttl=100\r\n",
                "# Keyspace\r\ndb0:keys=1,expires=1,avg_ttl=500\r\n", "# Keyspace\r\n"}) ==
        "# Keyspace\r\ndb0:keys=5,expires=4,avg_ttl=200\r\n");
  CHECK(mergedInfo({"# Latencystats\r\nlatency_percentiles_usec_get:p50=1.003,p99=2.007\r\n",
                "# Latencystats\r\nlatency_percentiles_usec_get:p50=4.015,p99=1.003\r\n"}) ==
        "# Latencystats\r\nlatency_percentiles_usec_get:p50=4.015,p99=2.007\r\n");
  CHECK(mergedInfo({"# Errorstats\r\nerrorstat_ERR:count=2\r\n", "# Errorstats\r\nerrorstat_ERR:count=3\r\n"}) ==
        "# Errorstats\r\nerrorstat_ERR:count=5\r\n");
}

TEST_CASE("a field of the proxy's can be for those only whose servers have it", "[info_merge]") {
  const std::vector<OwnInfoField> own = {{"Server", "server_mode", "standalone", true}};
  CHECK(mergedInfo({"# Server\r\nserver_mode:cluster\r\n"}, own) == "# Server\r\nserver_mode:standalone\r\n");
  CHECK(mergedInfo({"# Server\r\nos:Linux\r\n"}, own) == "# Server\r\nos:Linux\r\n");
}

TEST_CASE("modules are listed once each", "[info_merge]") {
  CHECK(mergedInfo({"# Modules\r\nmodule:name=a,ver=1\r\nmodule:name=b,ver=1\r\n",
                "# Modules\r\nmodule:name=a,ver=1\r\n"}) ==
        "# Modules\r\nmodule:name=a,ver=1\r\nmodule:name=b,ver=1\r\n");
}

TEST_CASE("what is the proxy's own replaces what the nodes say", "[info_merge]") {
  const std::vector<OwnInfoField> own = {{"Replication", "role", "master"},
                                         {"Replication", "connected_slaves", "0"},
                                         {"Clients", "maxclients", "5"}};
  CHECK(mergedInfo({"# "
                "Replication\r\nrole:master\r\nconnected_slaves:1\r\nslave0:ip=1.2.3.4\r\nmaster_repl_offset:"
                "5\r\n",
                "# Replication\r\nrole:slave\r\nconnected_slaves:1\r\nmaster_repl_offset:6\r\n"},
               own) == "# Replication\r\nrole:master\r\nconnected_slaves:0\r\nmaster_repl_offset:11\r\n");
  CHECK(mergedInfo({"# Clients\r\nblocked_clients:1\r\n", "# Clients\r\nblocked_clients:2\r\n"}, own) ==
        "# Clients\r\nblocked_clients:3\r\nmaxclients:5\r\n");
}

TEST_CASE("sections stay apart by an empty line, and odd lines are no fields", "[info_merge]") {
  CHECK(
      mergedInfo({"lost:1\r\n# Stats\r\nodd line\r\nexpired_keys:1\r\n\r\n# Cluster\r\ncluster_enabled:1\r\n"}) ==
      "# Stats\r\nexpired_keys:1\r\n\r\n# Cluster\r\ncluster_enabled:1\r\n");
  CHECK(mergedInfo({"", ""}).empty());
}

TEST_CASE("a value that is no number on some node is the first one's", "[info_merge]") {
  CHECK(mergedInfo({"# Stats\r\nexpired_keys:many\r\n", "# Stats\r\nexpired_keys:1\r\n"}) ==
        "# Stats\r\nexpired_keys:many\r\n");
  CHECK(mergedInfo({"# Keyspace\r\ndb0:odd\r\n", "# Keyspace\r\ndb0:keys=1\r\n"}) == "# Keyspace\r\ndb0:odd\r\n");
}

TEST_CASE("without nodes the own sections remain", "[info_merge]") {
  const std::vector<OwnInfoField> own = {
      {"Server", "a", "1"}, {"Server", "b", "2"}, {"Cluster", "cluster_enabled", "0"}};
  const auto all = [](std::string_view, const void*) { return true; };
  const auto server = [](std::string_view section, const void*) { return section == "Server"; };
  CHECK(ownInfo(own, all, nullptr) == "# Server\r\na:1\r\nb:2\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n");
  CHECK(ownInfo(own, server, nullptr) == "# Server\r\na:1\r\nb:2\r\n");
}

TEST_CASE("numbers keep their looks", "[info_merge]") {
  CHECK(parseInfoNumber("9007199254740993")->text() == "9007199254740993");
  CHECK(parseInfoNumber("1.50")->plus(*parseInfoNumber("2.5")).text() == "4.00");
  CHECK(parseInfoNumber("-1")->text() == "-1");
  for (const auto* wrong : {"", "x", "1x", "1.5x", "%", "."}) CHECK_FALSE(parseInfoNumber(wrong));
  CHECK(humanBytes(1023) == "1023B");
  CHECK(humanBytes(916264) == "894.79K");
  CHECK(humanBytes(5.0 * 1024 * 1024 * 1024) == "5.00G");
}

}  // namespace
}  // namespace slotless::routing
