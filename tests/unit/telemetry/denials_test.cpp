// What nodes deny is remembered by node, told once, and forgotten when it works.
#include "proxy/telemetry/denials.h"

#include <chrono>
#include <fstream>
#include <sstream>
#include <string>

#include "catch.h"

namespace slotless::telemetry {
namespace {

using namespace std::chrono_literals;

const net::Address kA{"10.0.0.1", 7001};
const net::Address kB{"10.0.0.2", 7002};
constexpr std::string_view kNoPerm = "-NOPERM this user has no permissions to run the 'eval' command\r\n";

struct Bench {
  Denials denials;
  net::TimePoint now{1h};
};

TEST_CASE_METHOD(Bench, "nothing is denied at first", "[denials]") {
  CHECK(denials.rows().empty());
  CHECK_FALSE(denials.any(Deniable::Eval));
  CHECK_FALSE(denials.avoids(Deniable::Eval, now));
}

TEST_CASE_METHOD(Bench, "a denial is kept by node, with its number and the node's words", "[denials]") {
  denials.note(Deniable::Eval, kA, kNoPerm, now);
  denials.note(Deniable::Eval, kB, "-ERR unknown command 'EVAL'\r\n", now + 1s);
  denials.note(Deniable::Eval, kA, kNoPerm, now + 2s);
  denials.note(Deniable::Info, kA, "NOPERM no", now);
  const auto rows = denials.rows();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].what == Deniable::Info);
  CHECK(rows[1].what == Deniable::Eval);
  CHECK(rows[1].nodes == std::vector<std::string>{"10.0.0.1:7001", "10.0.0.2:7002"});
  CHECK(rows[1].times == 3);
  CHECK(rows[1].error == "NOPERM this user has no permissions to run the 'eval' command");
}

TEST_CASE_METHOD(Bench, "what works again is forgotten, node by node", "[denials]") {
  denials.note(Deniable::Eval, kA, kNoPerm, now);
  denials.note(Deniable::Eval, kB, kNoPerm, now);
  denials.worked(Deniable::Info, kA);
  denials.worked(Deniable::Eval, kA);
  CHECK(denials.any(Deniable::Eval));
  denials.worked(Deniable::Eval, kB);
  CHECK_FALSE(denials.any(Deniable::Eval));
  CHECK(denials.rows().empty());
}

TEST_CASE_METHOD(Bench, "a denial whose node is not known is forgotten when it works anywhere", "[denials]") {
  denials.note(Deniable::RandomKey, {}, kNoPerm, now);
  REQUIRE(denials.rows().size() == 1);
  CHECK(denials.rows().front().nodes == std::vector<std::string>{"some"});
  denials.worked(Deniable::RandomKey, kA);
  CHECK(denials.rows().empty());
}

TEST_CASE_METHOD(Bench, "what is denied is avoided for a minute, and then tried again", "[denials]") {
  denials.note(Deniable::EvalRo, kA, kNoPerm, now);
  CHECK(denials.avoids(Deniable::EvalRo, now + 59s));
  CHECK_FALSE(denials.avoids(Deniable::EvalRo, now + 60s));
  CHECK(denials.any(Deniable::EvalRo));
  denials.note(Deniable::EvalRo, kA, kNoPerm, now + 60s);
  CHECK(denials.avoids(Deniable::EvalRo, now + 100s));
}

TEST_CASE_METHOD(Bench, "nodes that are gone deny nothing", "[denials]") {
  denials.note(Deniable::Eval, kA, kNoPerm, now);
  denials.note(Deniable::Info, kB, kNoPerm, now);
  denials.keepOnly({kB});
  CHECK_FALSE(denials.any(Deniable::Eval));
  CHECK(denials.any(Deniable::Info));
}

TEST_CASE("the documents have a row for each thing that may be denied", "[denials]") {
  std::ifstream file(std::string(SLOTLESS_SOURCE) + "/docs/restricted-services.md");
  std::stringstream page;
  page << file.rdbuf();
  for (std::size_t i = 0; i < kDeniableCount; ++i) {
    const DeniableFact& fact = factOf(static_cast<Deniable>(i));
    INFO(fact.name);
    CHECK(page.str().find("| " + std::string(fact.name) + " |") != std::string::npos);
    CHECK_FALSE(fact.without.empty());
  }
}

}  // namespace
}  // namespace slotless::telemetry
