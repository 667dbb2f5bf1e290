#include "proxy/databases/script_flags.h"

#include "catch.h"

namespace slotless::databases {

TEST_CASE("a library that speaks of no-cluster may flag a function so", "[script_flags]") {
  for (const char* library : {"flags={'no-cluster'}", "flags={\"no-writes\",\"No-Cluster\"}", "no-cluster"})
    CHECK(mayFlagNoCluster(library));
  for (const char* library : {"", "flags={'no-writes'}", "no-cluste", "cluster"})
    CHECK_FALSE(mayFlagNoCluster(library));
}

TEST_CASE("of a script's flags no-cluster is left out", "[script_flags]") {
  CHECK(withoutClusterFlag("#!lua flags=no-cluster\nreturn 1") == "#!lua\nreturn 1");
  CHECK(withoutClusterFlag("#!lua flags=no-writes,no-cluster\nreturn 1") ==
        "#!lua flags=no-writes\nreturn 1");
  CHECK(withoutClusterFlag("#!lua flags=no-cluster,allow-oom name=x\n\nno-cluster") ==
        "#!lua flags=allow-oom name=x\n\nno-cluster");
  CHECK(withoutClusterFlag("#!lua flags=no-cluster") == "#!lua");
}

TEST_CASE("a script without the flag is left as it is", "[script_flags]") {
  for (const std::string_view script :
       {"return 1", "", "#!lua\nreturn 'flags=no-cluster'", "#!lua flags=no-writes\nreturn 1",
        "#!lua name=no-cluster\nreturn 1", "flags=no-cluster", "#!lua flags=no-clusters\nreturn 1"}) {
    INFO(script);
    CHECK_FALSE(withoutClusterFlag(script));
  }
}

TEST_CASE("a script with a line for flags gets one more", "[script_flags]") {
  CHECK(withCrossSlotFlag("#!lua\nreturn 1") == "#!lua flags=allow-cross-slot-keys\nreturn 1");
  CHECK(withCrossSlotFlag("#!lua flags=no-writes\nreturn 1") ==
        "#!lua flags=allow-cross-slot-keys,no-writes\nreturn 1");
  CHECK(withCrossSlotFlag("#!lua flags=allow-cross-slot-keys\n") == "#!lua flags=allow-cross-slot-keys\n");
  CHECK(withCrossSlotFlag("return 1") == "return 1");
}

}  // namespace slotless::databases
