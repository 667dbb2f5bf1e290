#include "proxy/session/setting_changes.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "proxy/routing/merger.h"
#include "proxy/session/latency_commands.h"
#include "proxy/session/services.h"
#include "proxy/session/slow_log_commands.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

using protocol::Argv;
using protocol::equalsIgnoringCase;
using routing::Plan;

namespace {

// With another value on each or all of them the proxy, or one node, would no longer find or be let in by the
// others.
constexpr std::string_view kNotToBeSet[] = {"bind",
                                            "cluster-announce-bus-port",
                                            "cluster-announce-ip",
                                            "cluster-announce-port",
                                            "cluster-port",
                                            "masterauth",
                                            "masteruser",
                                            "port",
                                            "requirepass",
                                            "tls-port"};

constexpr std::string_view kLogLevel = "loglevel";
// Source: redis.conf, from 7.4 on with `nothing`. The first that fits a level is its word.
struct LevelWord {
  std::string_view word;
  log::Level level;
};
constexpr LevelWord kLevelWords[] = {{"debug", log::Level::Trace},
                                     {"verbose", log::Level::Debug},
                                     {"notice", log::Level::Info},
                                     {"warning", log::Level::Warn},
                                     {"nothing", log::Level::Error}};

const LevelWord* levelOf(std::string_view word) {
  const auto* found =
      std::find_if(std::begin(kLevelWords), std::end(kLevelWords),
                   [&](const LevelWord& each) { return equalsIgnoringCase(word, each.word); });
  return found == std::end(kLevelWords) ? nullptr : found;
}

std::string failure(std::string_view name, std::string_view reason) {
  return "ERR CONFIG SET failed (possibly related to argument '" + std::string(name) + "') - " +
         std::string(reason);
}

// The servers have answered, or none had to be asked: now it is the proxy's turn.
class SettingComposer final : public routing::Composer {
 public:
  SettingComposer(Services& services, SettingPairs servers, const LevelWord* level)
      : services_(services),
        servers_(std::move(servers)),
        level_(level),
        topologyVersion_(services.links.topology().version) {}

  bool compose(std::span<const routing::PartReply> parts, std::string& out) override {
    if (routing::appendFirstError(parts, out)) return false;
    if (level_ != nullptr) changeLogLevel();
    if (!servers_.empty()) {
      followSlowLogSettings(services_, servers_);
      followLatencySettings(services_, servers_);
      services_.control.rememberSettings(servers_, topologyVersion_);
    }
    protocol::appendSimple(out, "OK");
    return true;
  }
  bool canForgo() const override { return true; }

 private:
  // Tells so while it can be heard.
  void changeLogLevel() const {
    const bool heard = log::enabled(log::Level::Info);
    if (!heard) log::setLevel(level_->level);
    log::info("log level changed", {{"to", log::levelName(level_->level)}});
    if (heard) log::setLevel(level_->level);
  }

  Services& services_;
  const SettingPairs servers_;
  const LevelWord* level_;
  const std::uint64_t topologyVersion_;
};

class ResetComposer final : public routing::Composer {
 public:
  explicit ResetComposer(Control& control) : control_(control) {}

  bool compose(std::span<const routing::PartReply> parts, std::string& out) override {
    control_.baseline().set(control_);
    if (routing::appendFirstError(parts, out)) return false;
    protocol::appendSimple(out, "OK");
    return true;
  }
  bool canForgo() const override { return true; }

 private:
  Control& control_;
};

void toEveryServer(Plan& plan) {
  plan.kind = Plan::Kind::EachNode;
  plan.replicas = true;
}

}  // namespace

bool planConfigSet(Services& services, Argv argv, Plan& plan) {
  if (argv.size() % 2 != 0) return false;  // a server words the error
  plan.clear();
  SettingPairs servers;
  const LevelWord* level = nullptr;
  for (std::size_t i = 2; i < argv.size(); i += 2) {
    const auto is = [&](std::string_view name) { return equalsIgnoringCase(argv[i], name); };
    if (std::any_of(std::begin(kNotToBeSet), std::end(kNotToBeSet), is)) {
      plan.error = failure(argv[i], "Slotless would lose the nodes");
      return true;
    }
    if (!is(kLogLevel)) {
      servers.emplace_back(argv[i], argv[i + 1]);
      continue;
    }
    level = levelOf(argv[i + 1]);
    if (level == nullptr) {
      plan.error =
          failure(argv[i], "argument must be one of the following: debug, verbose, notice, warning, nothing");
      return true;
    }
  }
  if (servers.empty()) {
    plan.kind = Plan::Kind::Nobody;
  } else {
    toEveryServer(plan);
    if (level != nullptr) {
      std::vector<std::string_view> words{argv[0], argv[1]};
      for (const auto& [name, value] : servers) words.insert(words.end(), {name, value});
      protocol::appendRequest(plan.rewritten, words);
    }
  }
  plan.composer = std::make_unique<SettingComposer>(services, std::move(servers), level);
  return true;
}

bool planConfigResetStat(Services& services, Argv, Plan& plan) {
  plan.clear();
  plan.kind = Plan::Kind::Nobody;
  if (services.config.allowAdminCommands) toEveryServer(plan);
  plan.composer = std::make_unique<ResetComposer>(services.control);
  return true;
}

std::string_view logLevelWord() {
  const auto* found = std::find_if(std::begin(kLevelWords), std::end(kLevelWords),
                                   [](const LevelWord& each) { return log::enabled(each.level); });
  return found == std::end(kLevelWords) ? kLevelWords[0].word : found->word;
}

}  // namespace slotless::session
