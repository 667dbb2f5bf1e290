#include "proxy/discovery/command_learner.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/denial.h"
#include "proxy/cluster/learned_facts.h"
#include "proxy/cluster/unchecked_slots.h"
#include "proxy/discovery/command_reply_parser.h"
#include "proxy/discovery/reply_denials.h"

namespace slotless::discovery {

using telemetry::Deniable;

namespace {

// States that pass; any other error is an answer.
constexpr std::array<std::string_view, 5> kPassing = {"LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN",
                                                      "TRYAGAIN"};

// Names and groups in turn. COMMAND DOCS itself is nested more deeply than hiredis reads, and most of it is
// not wanted. Servers before 7.0 have neither.
constexpr std::string_view kGroups =
    "--[[slotless]] local groups = {} "
    "local docs = redis.call('command', 'docs') "
    "for i = 1, #docs, 2 do "
    "  local about = docs[i + 1] "
    "  for j = 1, #about, 2 do "
    "    if about[j] == 'group' then "
    "      groups[#groups + 1] = docs[i] "
    "      groups[#groups + 1] = about[j + 1] "
    "    end "
    "  end "
    "end "
    "return groups";

bool isPassing(std::string_view error) {
  return std::any_of(kPassing.begin(), kPassing.end(),
                     [&](std::string_view word) { return error.starts_with(word); });
}

// Whoever answers so is broken, or no Redis: believed, it would take GET and SET away from all clients.
bool isCredible(const std::vector<protocol::CommandSpec>& facts) {
  constexpr std::array<std::string_view, 2> kEveryServer = {"get", "set"};
  return std::all_of(kEveryServer.begin(), kEveryServer.end(), [&](std::string_view name) {
    return std::any_of(facts.begin(), facts.end(),
                       [&](const protocol::CommandSpec& spec) { return spec.name == name; });
  });
}

}  // namespace

CommandLearner::CommandLearner(net::Loop& loop, LearnSettings settings, Events events)
    : loop_(loop), settings_(std::move(settings)), events_(std::move(events)) {
  timer_ = loop_.makeTimer([this] { beginRound(); });
}

CommandLearner::~CommandLearner() = default;

void CommandLearner::setTopology(const cluster::Topology& topology) {
  std::vector<net::Address> masters;
  for (const cluster::Node& node : topology.nodes) {
    if (node.master) masters.push_back(node.address);
  }
  if (masters == known_) return;  // slots have moved
  known_ = std::move(masters);
  failedRounds_ = 0;
  if (inRound_) {
    wanted_ = true;
  } else {
    beginRound();
  }
}

void CommandLearner::beginRound() {
  timer_->stop();
  inRound_ = true;
  askingCommands_ = false;
  wanted_ = false;
  complete_ = true;
  refusals_.clear();
  masters_.clear();
  for (const net::Address& address : known_) masters_.push_back({address, std::nullopt});
  next_ = 0;
  askBuilds();
}

void CommandLearner::askBuilds() {
  while (queries_.size() < settings_.width && next_ < masters_.size()) {
    ask(next_++, {{"INFO", "server"}, {"COMMAND", "COUNT"}, {"HELLO"}});
  }
  if (!queries_.empty()) return;
  askingCommands_ = true;
  next_ = 0;
  askCommands();
}

// One after the other: most clusters are of one build.
void CommandLearner::askCommands() {
  while (next_ < masters_.size()) {
    const std::size_t candidate = next_++;
    const auto& build = masters_[candidate].build;
    if (build && !facts_.contains(*build) && !refusals_.contains(*build))
      return ask(candidate, {{"COMMAND"}, {"EVAL_RO", kGroups, "0"}});
  }
  endRound();
}

void CommandLearner::ask(std::size_t master, const std::vector<std::vector<std::string_view>>& commands) {
  queries_[master] = std::make_unique<NodeQuery>(
      loop_, masters_[master].address, settings_.access, commands, settings_.queryTimeout,
      [this, master](const QueryResult& result) { onAnswer(master, result); });
}

void CommandLearner::onAnswer(std::size_t master, const QueryResult& result) {
  const auto query = queries_.extract(master);  // destroyed at the end of this function
  if (!result.error.empty()) {
    fail(masters_[master], result.error);
  } else if (askingCommands_) {
    noteDenials(masters_[master].address, result);
    onCommands(masters_[master], *result.replies[0], *result.replies[1]);
  } else {
    const auto note = [&](Deniable what, const redisReply& reply) {
      noteIfDenied(settings_.access.denials, what, masters_[master].address, reply, loop_.now());
    };
    note(Deniable::Info, *result.replies[0]);
    note(Deniable::Hello, *result.replies[2]);
    masters_[master].build = parseBuild(*result.replies[0], *result.replies[1], *result.replies[2]);
  }
  if (askingCommands_) {
    askCommands();
  } else {
    askBuilds();
  }
}

// Of the script about groups: whether it is let in, and whether it may ask.
void CommandLearner::noteDenials(const net::Address& node, const QueryResult& result) {
  noteIfDenied(settings_.access.denials, Deniable::Command, node, *result.replies[0], loop_.now());
  const redisReply& groups = *result.replies[1];
  const bool within =
      groups.type == REDIS_REPLY_ERROR && protocol::isDenialInScript({groups.str, groups.len});
  noteIfDenied(settings_.access.denials, within ? Deniable::CommandDocs : Deniable::EvalRo, node, groups,
               loop_.now());
}

void CommandLearner::onCommands(const Master& master, const redisReply& reply, const redisReply& groups) {
  const bool refused = reply.type == REDIS_REPLY_ERROR;
  std::string error = refused ? std::string(reply.str, reply.len) : "COMMAND gave no list of commands";
  if (refused && isPassing(error)) return fail(master, error);
  auto facts = parseCommandReply(reply);
  if (facts && !isCredible(*facts)) {
    error = "COMMAND gave a list without GET or SET";
    facts.reset();
  }
  if (facts) {
    addGroups(groups, *facts);
    cluster::markUncheckedSlots(*facts, master.build->product, master.build->version);
    facts_.emplace(*master.build, std::move(*facts));
    return;
  }
  refusals_.insert(*master.build);
  if (reported_.insert(*master.build).second) events_.refused(master.address, *master.build, error);
}

void CommandLearner::fail(const Master& master, const std::string& error) {
  complete_ = false;
  events_.failed(master.address, error);
}

void CommandLearner::endRound() {
  inRound_ = false;
  std::set<ServerBuild> builds;
  // A master that does not answer at the moment may be the one that knows less.
  if (!complete_) builds = learned_;
  for (const Master& master : masters_) {
    if (master.build && facts_.contains(*master.build)) builds.insert(*master.build);
  }
  if (!builds.empty() && builds != learned_) publish(builds);
  if (builds.empty() && complete_) tellUntold();
  std::erase_if(facts_, [&](const auto& entry) { return !learned_.contains(entry.first); });
  failedRounds_ = complete_ ? 0 : failedRounds_ + 1;
  net::Millis delay = settings_.interval;
  constexpr int kMaxShift = 16;
  if (!complete_) {
    delay = std::min(settings_.retryMin * (1 << std::min(failedRounds_ - 1, kMaxShift)), settings_.retryMax);
  }
  timer_->start(wanted_ ? net::Millis{0} : delay);
}

void CommandLearner::tellUntold() {
  std::set<ServerBuild> builds;
  for (const Master& master : masters_) {
    if (master.build) builds.insert(*master.build);
  }
  if (builds.empty() || builds == untold_) return;
  untold_ = builds;
  events_.untold(builds);
}

void CommandLearner::publish(const std::set<ServerBuild>& builds) {
  learned_ = builds;
  untold_.clear();
  std::vector<Facts> servers;
  for (const ServerBuild& build : builds) servers.push_back(facts_.at(build));
  Facts facts = cluster::intersectFacts(std::move(servers));
  cluster::addOwnCommands(facts);
  events_.learned(std::make_shared<const protocol::CommandTable>(std::move(facts)), learned_);
}

}  // namespace slotless::discovery
