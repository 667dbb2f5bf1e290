#include "proxy/session/whole_database_plans.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "protocol/encoder.h"
#include "protocol/key_scheme.h"
#include "proxy/databases/scripts.h"
#include "proxy/databases/walk.h"
#include "proxy/databases/whole_database.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/session/scan.h"
#include "proxy/session/services.h"

namespace slotless::session {

using databases::Database;
using protocol::Argv;
using protocol::WholeDatabase;
using routing::Merge;
using routing::Plan;

namespace {

void refuse(Plan& plan, std::string_view error) {
  plan.kind = Plan::Kind::Refused;
  plan.error = error;
}

// In a slot with more keys than that, pinned databases' keys are not told from others.
constexpr std::string_view kToldApart = "10000";

// `arguments`: the script and what it is given.
void planScript(std::vector<std::string_view> arguments, Merge merge, Plan& plan) {
  std::vector<std::string_view> words = {"eval_ro", arguments.front(), "0"};
  words.insert(words.end(), arguments.begin() + 1, arguments.end());
  plan.kind = Plan::Kind::EachNode;
  plan.merge = merge;
  protocol::appendRequest(plan.rewritten, words);
}

void planCount(const Services& services, Plan& plan) {
  std::set<std::string> slots;  // each of them once: databases may share one
  for (const Database& each : services.databases.all()) {
    if (each.pinned()) slots.insert(std::to_string(each.slot));
  }
  std::vector<std::string_view> arguments = {databases::scripts::kNodeCount, "", kToldApart};
  arguments.insert(arguments.end(), slots.begin(), slots.end());
  planScript(std::move(arguments), Merge::Sum, plan);
}

databases::Masters mastersOf(const cluster::Topology& topology) {
  databases::Masters masters;
  masters.version = topology.version;
  std::vector<bool> seen(topology.nodes.size());
  for (std::size_t slot = 0; slot < topology.owners.size(); ++slot) {
    const cluster::NodeIndex owner = topology.owners[slot];
    if (owner == cluster::kNoNode || seen[owner]) continue;
    seen[owner] = true;
    masters.slots.push_back(static_cast<protocol::Slot>(slot));
  }
  return masters;
}

// Then what is not theirs is the database's, and can be counted by subtraction.
bool othersArePinned(const Services& services, const Database& database) {
  const auto& all = services.databases.all();
  return !database.mapped() && std::none_of(all.begin(), all.end(), [](const Database& each) {
    return each.mapped() && !each.pinned();
  });
}

// The names that are the database's own, as it has them.
class OwnKeys final : public routing::Composer {
 public:
  explicit OwnKeys(const Database& database) : database_(database) {}

  bool compose(std::span<const routing::PartReply> parts, std::string& out) override {
    std::vector<std::string_view> names;
    for (const routing::PartReply& part : parts) {
      const auto keys = routing::elementsOf(part.bytes);
      if (!keys) {
        out += part.bytes;
        return false;
      }
      for (const std::string_view key : *keys) {
        const auto name = routing::textOf(key);
        if (name && isOwn(*name)) names.push_back(name->substr(database_.prefix.size()));
      }
    }
    protocol::appendArrayHeader(out, names.size());
    for (const std::string_view name : names) protocol::appendBulk(out, name);
    return true;
  }

 private:
  bool isOwn(std::string_view name) const {
    return database_.mapped() ? name.starts_with(database_.prefix) : !protocol::isReservedKey(name);
  }

  const Database& database_;
};

class OwnKey final : public routing::Composer {
 public:
  OwnKey(const Database& database, int protocol) : database_(database), protocol_(protocol) {}

  bool compose(std::span<const routing::PartReply> parts, std::string& out) override {
    for (const routing::PartReply& part : parts) {
      if (routing::isErrorReply(part.bytes)) {
        out += part.bytes;
        return false;
      }
    }
    for (const routing::PartReply& part : parts) {
      const auto name = routing::isNullReply(part.bytes) ? std::nullopt : routing::textOf(part.bytes);
      if (!name) continue;
      protocol::appendBulk(out, name->substr(std::min(name->size(), database_.prefix.size())));
      return true;
    }
    protocol::appendNull(out, protocol_);
    return true;
  }

 private:
  const Database& database_;
  int protocol_;
};

void planList(const Database& database, Argv argv, Plan& plan) {
  plan.kind = Plan::Kind::EachNode;
  plan.composer = std::make_unique<OwnKeys>(database);
  const std::string pattern = database.prefix + std::string(argv[1]);
  const std::string_view words[] = {argv[0], pattern};
  protocol::appendRequest(plan.rewritten, words);
}

}  // namespace

bool planWholeDatabase(Services& services, const Command& command, Plan& plan) {
  const WholeDatabase what = command.spec->wholeDatabase;
  const Database& database = command.database;
  if (what == WholeDatabase::None || (!services.databases.anyMapped() && what != WholeDatabase::Scan))
    return false;
  plan.clear();
  const auto walk = [&] {
    databases::planWalk(
        what, database, [&services] { return mastersOf(services.links.topology()); }, plan);
  };
  switch (what) {
    case WholeDatabase::Count:
      if (othersArePinned(services, database)) {
        planCount(services, plan);
      } else {
        walk();
      }
      break;
    case WholeDatabase::Flush:
      if (databases::isFlush(command.argv)) {
        walk();
      } else {
        refuse(plan, "ERR syntax error");
      }
      break;
    case WholeDatabase::List: planList(database, command.argv, plan); break;
    case WholeDatabase::Random:
      planScript({databases::scripts::kNodeRandom, database.prefix}, Merge::FirstNonNull, plan);
      plan.composer = std::make_unique<OwnKey>(database, plan.protocol);
      break;
    case WholeDatabase::Scan: return planScan(services, command.argv, database, plan);
    case WholeDatabase::None: break;
  }
  return true;
}

}  // namespace slotless::session
