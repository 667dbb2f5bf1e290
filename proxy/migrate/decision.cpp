#include "proxy/migrate/decision.h"

#include <cstdlib>
#include <thread>
#include <utility>

#include "config/side_words.h"
#include "protocol/slot.h"
#include "proxy/migrate/node_writer.h"
#include "proxy/migrate/own_address.h"
#include "proxy/migrate/replicated.h"
#include "proxy/subcommand/cluster_view.h"

namespace slotless::migrate {

using Clock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::milliseconds kBriefly{300};  // the process is about to end
constexpr std::chrono::milliseconds kAskAgain{500};
constexpr std::string_view kChange =
    "local now = redis.call('GET', KEYS[1]) or 'single' "
    "if now ~= ARGV[1] then return now end "
    "if ARGV[1] ~= ARGV[2] then redis.call('SET', KEYS[1], ARGV[2]) end "
    "return ARGV[2]";
// By the clock of one master, which is one clock.
constexpr std::string_view kAnnounce =
    "redis.call('HSET', KEYS[2], ARGV[1], redis.call('TIME')[1] .. ' ' .. ARGV[2]) "
    "return {redis.call('GET', KEYS[1]) or 'single', redis.call('HGETALL', KEYS[3]), "
    "redis.call('EXISTS', KEYS[4])}";
constexpr std::string_view kTell =
    "local now = tonumber(redis.call('TIME')[1]) "
    "local all = redis.call('HGETALL', KEYS[1]) "
    "local found = {} "
    "for i = 1, #all, 2 do "
    "local at = string.find(all[i + 1], ' ') "
    "local silent = now - tonumber(string.sub(all[i + 1], 1, at - 1)) "
    "if silent > tonumber(ARGV[1]) then redis.call('HDEL', KEYS[1], all[i]) else "
    "found[#found + 1] = all[i] "
    "found[#found + 1] = string.sub(all[i + 1], at + 1) "
    "found[#found + 1] = tostring(silent) end end "
    "return found";
constexpr const char* kProcessesLapse = "60";  // seconds

}  // namespace

Decision::Decision(const config::Config& config)
    : seeds_(subcommand::clusterUrls(config)), rules_(config.addressMap) {
  options_.tls = subcommand::TlsFiles::of(config);
  options_.connectTimeout = options_.replyTimeout = std::chrono::seconds(2);
  options_.clientName = "slotless-side";
}

std::optional<subcommand::Reply> Decision::ask(std::vector<std::string> words, std::string& error) const {
  Nodes target(seeds_, options_, rules_);
  error = target.refresh();
  if (!error.empty()) return std::nullopt;
  return askOf(target, std::move(words), error);
}

std::optional<subcommand::Reply> Decision::askOf(Nodes& target, std::vector<std::string> words,
                                                 std::string& error) const {
  NodeWriter writer(target, "slotless-side.",
                    [deadline = Clock::now() + patience_] { return Clock::now() > deadline; });
  std::vector<NodeOp> ops;
  ops.push_back({protocol::slotOf(kKey), 0, std::move(words), {}, false});
  if (!writer.carryOut(ops)) {
    error = writer.trouble().empty() ? "no answer in time" : writer.trouble();
    return std::nullopt;
  }
  if (!ops.front().reply.failed()) return std::move(ops.front().reply);
  error = ops.front().reply.text;
  return std::nullopt;
}

std::optional<std::string> Decision::change(const std::string& from, const std::string& to,
                                            std::string& error) const {
  auto reply = ask({"EVAL", std::string(kChange), "1", std::string(kKey), from, to}, error);
  if (!reply) return std::nullopt;
  return std::move(reply->text);
}

std::optional<Decision::News> Decision::announce(const std::string& process, const Announcement& announcement,
                                                 std::string& error) const {
  Nodes target(seeds_, options_, rules_);
  error = target.refresh();
  if (!error.empty()) return std::nullopt;
  const auto view = target.view();
  const subcommand::ClusterMaster* const owner = view->ownerOf(protocol::slotOf(kKey));
  const std::string address = owner == nullptr ? "" : ownAddressTowards(owner->url.host, owner->url.port);
  const auto reply = askOf(
      target,
      {"EVAL", std::string(kAnnounce), "4", std::string(kKey), std::string(kProcesses),
       std::string(Journal::kState), std::string(Journal::kOwner), process, written(announcement, address)},
      error);
  if (!reply) return std::nullopt;
  if (reply->items.size() != 3) {
    error = "an answer of another shape";
    return std::nullopt;
  }
  News news{reply->items[0].text, {}, reply->items[2].integer != 0};
  const std::vector<subcommand::Reply>& fields = reply->items[1].items;
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) news.run[fields[i].text] = fields[i + 1].text;
  Journal::correct(news.run, news.side);
  return news;
}

void Decision::leave(const std::string& process) const {
  std::string error;  // it is forgotten after a while
  Decision brief = *this;
  brief.options_.connectTimeout = brief.options_.replyTimeout = brief.patience_ = kBriefly;
  brief.ask({"HDEL", std::string(kProcesses), process}, error);
}

std::vector<Decision::Process> Decision::processes(std::string& error) const {
  const auto reply = ask({"EVAL", std::string(kTell), "1", std::string(kProcesses), kProcessesLapse}, error);
  std::vector<Process> found;
  for (std::size_t i = 0; reply && i + 2 < reply->items.size(); i += 3) {
    const std::chrono::seconds silent{std::atoll(reply->items[i + 2].text.c_str())};
    found.push_back({reply->items[i].text, readAnnouncement(reply->items[i + 1].text), silent});
  }
  return found;
}

std::optional<std::string> Decision::look(std::string& error) const {
  return change(std::string(config::kServerSide), std::string(config::kServerSide), error);
}

std::optional<config::Upstream> Decision::settle(std::string& error) const {
  auto found = look(error);
  while (found && *found != config::kClusterSide && *found != config::kServerSide)
    found = change(*found, std::string(config::sideBehind(*found)), error);
  if (!found) return std::nullopt;
  return *found == config::kClusterSide ? config::Upstream::Cluster : config::Upstream::Single;
}

config::Upstream Decision::find(const std::function<void(const std::string&)>& complain) const {
  for (;;) {
    std::string error;
    if (const auto side = settle(error)) return *side;
    complain(error);
    std::this_thread::sleep_for(kAskAgain);
  }
}

bool Decision::isSafe(std::chrono::milliseconds patience) const {
  Nodes target(seeds_, options_, rules_);
  if (!target.refresh().empty()) return false;
  const auto view = target.view();
  const protocol::Slot slot = protocol::slotOf(kKey);
  const subcommand::ClusterMaster* const owner = view->ownerOf(slot);
  return owner != nullptr && isReplicated(*owner, slot, options_, patience);
}

}  // namespace slotless::migrate
