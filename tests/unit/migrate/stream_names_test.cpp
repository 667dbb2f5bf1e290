// Streams are copied again, since nobody is told of what is done to their groups.
#include "proxy/migrate/stream_names.h"

#include <string>

#include "catch.h"

namespace slotless::migrate {

TEST_CASE("streams are known by the first byte of their dump, and what is newer may be one") {
  StreamNames names;
  for (const char type : {'\x0F', '\x13', '\x15', '\x1A', '\xF0'}) {
    const Key key{3, "stream"};
    names.note(key, std::string(1, type) + "rest");
    CHECK(names.all() == std::vector<Key>{key});
    names.forget(key);
    CHECK(names.all().empty());
  }
  for (const std::string& dump :
       {std::string(), std::string("\0x", 2), std::string("\x12"), std::string("\x19")})
    names.note({0, "other"}, dump);
  CHECK(names.all().empty());
  names.note({0, "a"});
  names.note({0, "a"});
  names.note({1, "a"});
  CHECK(names.all().size() == 2);
}

TEST_CASE("commands that may change groups are counted, also those that are newer than this") {
  const subcommand::InfoText stats(
      "# Commandstats\r\ncmdstat_xadd:calls=100,usec=1\r\ncmdstat_xread:calls=100,usec=1\r\n"
      "cmdstat_xinfo|groups:calls=100,usec=1\r\ncmdstat_xtrim:calls=100,usec=1\r\ncmdstat_set:calls=100,usec=1\r\n"
      "cmdstat_xreadgroup:calls=1,usec=1\r\ncmdstat_xack:calls=20,usec=1\r\ncmdstat_xgroup|create:calls=300,usec=1\r\n"
      "cmdstat_xgroup:calls=4000,usec=1\r\ncmdstat_xsetid:calls=50000,usec=1\r\ncmdstat_xnew:calls=600000,usec=1\r\n");
  CHECK(groupCallsIn(stats) == 654'321);
  CHECK(groupCallsIn(subcommand::InfoText("cmdstat_xadd:calls=5\r\n")) == 0);
}

}  // namespace slotless::migrate
