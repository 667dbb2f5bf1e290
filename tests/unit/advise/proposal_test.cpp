#include "proxy/advise/proposal.h"

#include "catch.h"
#include "config/database_rule.h"
#include "proxy/advise/name_families.h"
#include "proxy/advise/report.h"

using namespace slotless;
using namespace slotless::advise;
using config::DatabaseLayout;

namespace {

using Names = std::vector<std::string>;

class Scene {
 public:
  explicit Scene(std::uint32_t database = 0) { sample_.database = database; }

  void key(const std::string& name) { sample_.keys.push_back({name, 100}); }
  void command(Names words) { seen("1:1", std::move(words)); }
  void transaction(const Names& keys) {
    command({"multi"});
    for (const std::string& each : keys) command({"set", each, "1"});
    command({"exec"});
  }
  void script(const Names& keys, const Names& called = {}) {
    Names words{"evalsha", "f00", std::to_string(keys.size())};
    words.insert(words.end(), keys.begin(), keys.end());
    command(words);
    for (const std::string& each : called) seen("lua", {"get", each});
  }
  DatabaseSample& sample() { return sample_; }
  // Whatever is proposed, the daemon takes it.
  Proposal propose() {
    usage_.finish();
    if (usage_.databases().contains(sample_.database))
      sample_.usage = usage_.databases().at(sample_.database);
    sample_.size = sample_.keys.size();
    Proposal proposal = proposalFor(sample_);
    for (const Trial& trial : proposal.trials) {
      const std::string text = ruleText(sample_.database, trial.choice);
      const auto rule = config::parseDatabaseRule(text);
      INFO(text);
      REQUIRE(rule.value);
      CHECK(rule.value->layout == trial.choice.layout);
      CHECK(rule.value->patterns == trial.choice.patterns);
    }
    return proposal;
  }
  std::string rule() {
    const Proposal proposal = propose();
    INFO(textOf(sample_, proposal));
    return ruleText(sample_.database, proposal.choice().choice);
  }

 private:
  void seen(const std::string& client, Names words) {
    usage_.add({sample_.database, client, std::move(words)});
  }

  DatabaseSample sample_;
  Usage usage_;
};

// As BullMQ has them.
void queue(Scene& scene, const std::string& name, int jobs) {
  const std::string base = "bull:" + name + ":";
  for (const char* each : {"meta", "wait", "active", "completed", "id", "events", "marker"})
    scene.key(base + each);
  for (int i = 1; i <= jobs; ++i) {
    const std::string job = base + std::to_string(i);
    scene.key(job);
    scene.key(job + ":logs");
    scene.script({base + "wait", base + "active", base + "events", base + "marker"}, {job, job + ":logs"});
  }
  scene.command({"bzpopmin", base + "marker", "5"});
}

}  // namespace

TEST_CASE("queues, each with keys of its own, are grouped by the queue") {
  for (const int queues : {2, 10, 60}) {
    Scene scene(2);
    for (int i = 0; i < queues; ++i) queue(scene, "queue" + std::to_string(i), 5);
    const Proposal proposal = scene.propose();
    CHECK(ruleText(2, proposal.choice().choice) == "2=grouped:bull:*:");
    CHECK(proposal.choice().spreading.groups == static_cast<std::size_t>(queues));
    CHECK(proposal.choice().spreading.largestKeys == 17);
    CHECK(proposal.choice().lost() == 0);
    CHECK(proposal.trials.front().choice.layout == DatabaseLayout::Spread);
    CHECK(proposal.trials.front().crossingOf(UseKind::Script) == static_cast<std::uint64_t>(queues) * 5);
  }
}

TEST_CASE("keys of tenants are grouped by the tenant, in whichever place it stands") {
  for (const auto& [before, pattern] : std::initializer_list<std::pair<const char*, const char*>>{
           {"tenant:", "1=grouped:tenant:*:"},
           {"app:prod:tenant:", "1=grouped:app:prod:tenant:*:"},
           {"", "1=grouped:*:"}}) {
    Scene scene(1);
    for (int i = 0; i < 40; ++i) {
      const std::string tenant = before + std::string("t") + std::to_string(i);
      for (const char* each : {":users", ":orders", ":orders:7", ":settings"}) scene.key(tenant + each);
      scene.transaction({tenant + ":users", tenant + ":orders"});
      scene.script({tenant + ":orders"}, {tenant + ":orders:7", tenant + ":settings"});
    }
    CHECK(scene.rule() == pattern);
  }
}

TEST_CASE("families that are used together have patterns that find the same group") {
  Scene scene(4);
  for (int i = 0; i < 40; ++i) {
    const std::string id = std::to_string(i);
    for (const std::string& each : {"user:" + id + ":name", "user:" + id, "cart:" + id, "page:" + id})
      scene.key(each);
    scene.transaction({"user:" + id + ":name", "user:" + id, "cart:" + id});
    scene.command({"set", "page:" + id, "1"});
  }
  const Proposal proposal = scene.propose();
  CHECK(proposal.choice().lost() == 0);
  CHECK(proposal.choice().choice.layout == DatabaseLayout::Grouped);
  const databases::KeyGroups groups(proposal.choice().choice.patterns);
  for (const char* key : {"user:7:name", "user:7", "cart:7"}) CHECK(groups.groupOf(key) == "7");
  // Nothing has been seen that would want it.
  CHECK(groups.groupOf("page:7") == "page:7");
}

TEST_CASE("other separators do, too") {
  for (const char separator : {'/', '.', '-', '_'}) {
    Scene scene(1);
    for (int i = 0; i < 40; ++i) {
      const std::string base = std::string("q") + separator + "n" + std::to_string(i) + separator;
      scene.key(base + "wait");
      scene.key(base + "busy");
      scene.transaction({base + "wait", base + "busy"});
    }
    CHECK(scene.rule() == std::string("1=grouped:q") + separator + "*" + separator);
  }
}

TEST_CASE("a group that is too large gives way to smaller ones, as long as nothing crosses") {
  Scene scene(1);
  for (int i = 0; i < 60; ++i) {
    const std::string room = "site:main:room:" + std::to_string(i);
    scene.key(room + ":members");
    scene.key(room + ":messages");
    scene.transaction({room + ":members", room + ":messages"});
  }
  CHECK(scene.rule() == "1=grouped:site:main:room:*:");
}

TEST_CASE("what uses everything together is pinned") {
  Scene scene(1);
  for (const char* each :
       {"celery", "mail", "unacked", "unacked_index", "_kombu.binding.celery", "_kombu.binding.mail"})
    scene.key(each);
  for (int i = 0; i < 40; ++i) scene.key("celery-task-meta-" + std::to_string(i));
  scene.command({"brpop", "celery", "mail",
                 "celery\x06\x16"
                 "3",
                 "mail\x06\x16"
                 "3",
                 "1"});
  scene.transaction({"unacked", "unacked_index"});
  scene.transaction({"unacked_index", "unacked", "celery"});
  const Proposal proposal = scene.propose();
  CHECK(proposal.choice().choice.layout == DatabaseLayout::Pinned);
  CHECK(proposal.choice().spreading.groups == 1);
  CHECK(proposal.choice().lost() == 0);
  const std::string text = textOf(scene.sample(), proposal);
  CHECK(text.find("spread would cross: BRPOP with _kombu") == std::string::npos);
  CHECK(text.find("spread would cross: BRPOP with celery and ") != std::string::npos);
}

TEST_CASE("a question about the whole database in a script leaves only the pinned layout") {
  Scene scene(1);
  scene.key("a:1:x");
  scene.command({"eval", "…", "1", "a:1:x"});
  scene.command({"multi"});
  scene.command({"dbsize"});
  scene.command({"exec"});
  CHECK(scene.rule() == "1=pinned");
}

TEST_CASE("a script that declares no keys fits a spread database, and no grouped one") {
  Scene scene(1);
  for (int i = 0; i < 40; ++i) {
    const std::string base = "q:" + std::to_string(i);
    scene.key(base + ":a");
    scene.key(base + ":b");
    scene.transaction({base + ":a", base + ":b"});
  }
  scene.script({}, {"q:1:a"});
  CHECK(scene.rule() == "1=pinned");
}

TEST_CASE("what uses no keys together is spread, or native where the nodes have databases") {
  for (const std::uint32_t database : {0U, 3U}) {
    for (const bool nodesHaveIt : {false, true}) {
      Scene scene(database);
      scene.sample().nodesHaveIt = nodesHaveIt;
      for (int i = 0; i < 50; ++i) scene.key("cache:page:" + std::to_string(i));
      scene.command({"mget", "cache:page:1", "cache:page:2"});
      scene.command({"get", "cache:page:1"});
      const std::string layout = nodesHaveIt && database != 0 ? "native" : "spread";
      CHECK(scene.rule() == std::to_string(database) + "=" + layout);
    }
  }
  Scene tagged(1);
  tagged.key("{a}:1");
  tagged.key("{a}:2");
  tagged.transaction({"{a}:1", "{a}:2"});
  CHECK(tagged.rule() == "1=spread");
}

TEST_CASE("without commands the names have to do, and it is said") {
  Scene queues(2);
  for (int i = 0; i < 4; ++i) {
    for (const char* each : {"wait", "active", "meta"}) queues.key("bull:q" + std::to_string(i) + ":" + each);
  }
  for (int i = 0; i < 10; ++i) queues.key("cache:" + std::to_string(i));
  const Proposal proposal = queues.propose();
  CHECK(ruleText(2, proposal.choice().choice) == "2=grouped:bull:*:");
  CHECK(proposal.why.find("by the names alone") != std::string::npos);
  for (const std::uint32_t database : {0U, 1U}) {
    Scene single(database);
    for (int i = 0; i < 10; ++i) single.key("cache:" + std::to_string(i));
    CHECK(single.rule() == (database == 0 ? "0=spread" : "1=pinned"));
  }
  Scene tenants(1);
  for (int i = 0; i < 40; ++i) {
    tenants.key("tenant" + std::to_string(i) + ":users");
    tenants.key("tenant" + std::to_string(i) + ":orders");
  }
  CHECK(tenants.rule() == "1=grouped:*:");
}

TEST_CASE("keys that come and go between two looks are known by their use") {
  Scene scene(1);
  for (int i = 0; i < 40; ++i)
    scene.transaction({"job:" + std::to_string(i) + ":a", "job:" + std::to_string(i) + ":b"});
  const Proposal proposal = scene.propose();
  CHECK(ruleText(1, proposal.choice().choice) == "1=grouped:job:*:");
  CHECK(proposal.choice().spreading.groups == 40);
}

TEST_CASE("names that no pattern can have are left out") {
  Scene scene(1);
  for (int i = 0; i < 40; ++i) {
    Names together;
    for (const char* head : {"a b", "a*c", "a|d", "a,e", "a?f", "\xC3\xA9", "a\"g"}) {
      together.push_back(std::string(head) + ":" + std::to_string(i) + ":x");
      scene.key(together.back());
    }
    scene.transaction(together);
  }
  CHECK(scene.rule() == "1=pinned");
}

TEST_CASE("the configured layout is tried beside the others") {
  Scene scene(1);
  scene.sample().configured = LayoutChoice{DatabaseLayout::Grouped, "mine:*:"};
  for (int i = 0; i < 40; ++i) {
    scene.key("mine:" + std::to_string(i) + ":a");
    scene.transaction({"mine:" + std::to_string(i) + ":a", "mine:" + std::to_string(i) + ":b"});
  }
  const Proposal proposal = scene.propose();
  CHECK(ruleText(1, proposal.choice().choice) == "1=grouped:mine:*:");
  scene.sample().configured = LayoutChoice{DatabaseLayout::Grouped, "other:*:"};
  CHECK(scene.propose().trials.back().crossingOf(UseKind::Transaction) == 40);
}

TEST_CASE("an empty database has a proposal, too") {
  Scene scene(1);
  CHECK(scene.rule() == "1=pinned");
}

TEST_CASE("reports hold whatever bytes names have") {
  Scene scene(1);
  scene.key("a\x1b[2J:1");
  scene.transaction({"a\x1b[2J:1", "b\n\xff:1"});
  const Proposal proposal = scene.propose();
  const std::string text = textOf(scene.sample(), proposal);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find("a\\u001b[2J:1") != std::string::npos);
  const std::string json = jsonOf(scene.sample(), proposal);
  CHECK(json.find('\n') == std::string::npos);
  CHECK(json.find(R"("rule":"1=pinned")") != std::string::npos);
  CHECK(json.find(R"("transactions":{"seen":1,"crossing":1,)") != std::string::npos);
}
