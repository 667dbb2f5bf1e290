#include "proxy/commands/setting_changes.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>

#include "config/upstream.h"
#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "proxy/commands/event_setting.h"
#include "proxy/commands/latency_commands.h"
#include "proxy/commands/own_settings.h"
#include "proxy/commands/password_setting.h"
#include "proxy/commands/server_settings.h"
#include "proxy/commands/slow_log_commands.h"
#include "proxy/commands/unchanged_settings.h"
#include "proxy/observe/slow_log.h"
#include "proxy/routing/merger.h"
#include "proxy/session/client.h"
#include "proxy/session/services.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

using protocol::Argv;
using protocol::equalsIgnoringCase;
using routing::Plan;

namespace {

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

constexpr std::string_view kUnknownLevel =
    "argument must be one of the following: debug, verbose, notice, warning, nothing";
constexpr std::string_view kDuplicate = "duplicate parameter";
constexpr std::string_view kOfNodes = "it is the nodes', and CONFIG SET at one proxy is for all";

// Tells so while it can be heard.
void changeLogLevel(log::Level level) {
  const bool heard = log::enabled(log::Level::Info);
  if (!heard) log::setLevel(level);
  log::info("log level changed", {{"to", log::levelName(level)}});
  if (heard) log::setLevel(level);
}

// Those that are allowed to be there.
void changeOptions(Services& services, const SettingPairs& options, bool keepsClientsIn) {
  services.control.tellWorkers([options, keepsClientsIn](Services& there, std::size_t) {
    std::string problem;
    const config::Config next = changed(there.config, options, problem);
    if (!problem.empty()) return;
    if (keepsClientsIn) keepClientsIn(there);
    there.useConfig(next);
  });
  services.control.keepOptions(options);
}

// Whether the name at that place has been said before it.
bool isDuplicate(Argv argv, std::size_t first, std::size_t place) {
  for (std::size_t i = first; i < place; i += 2) {
    if (equalsIgnoringCase(argv[i], argv[place])) return true;
  }
  return false;
}

std::string failure(std::string_view name, std::string_view reason) {
  return "ERR CONFIG SET failed (possibly related to argument '" + std::string(name) + "') - " +
         std::string(reason);
}

// What one CONFIG SET is to change.
struct Wanted {
  SettingPairs servers;
  SettingPairs options;
  const LevelWord* level = nullptr;
  std::optional<std::string> password;  // of the default user
  bool keepsClientsIn = false;          // the options have a password
};

// The servers have answered, or none had to be asked: now it is the proxy's turn.
class SettingComposer final : public routing::Composer {
 public:
  SettingComposer(Services& services, Wanted wanted, Argv argv)
      : services_(services),
        wanted_(std::move(wanted)),
        nodes_(services.links.topology().nodes.size()),
        topologyVersion_(services.links.topology().version),
        said_(argv.begin(), argv.end()),
        since_(services.host.now),
        wasSlow_(services.slowLog.limit(LogKind::Slow)) {
    if (services.asker == nullptr) return;
    Downstream::Identity identity = services.asker->identity();
    entry_.client = std::move(identity.address);
    entry_.clientName = std::move(identity.name);
  }

  bool compose(std::span<const routing::PartReply> parts, std::string& out) override {
    if (routing::appendFirstError(parts, out)) return false;
    if (wanted_.level != nullptr) changeLogLevel(wanted_.level->level);
    if (!wanted_.options.empty()) changeOptions(services_, wanted_.options, wanted_.keepsClientsIn);
    if (wanted_.password) changeDefaultPassword(services_, *wanted_.password);
    if (!wanted_.servers.empty()) {
      followSlowLogSettings(services_, wanted_.servers);
      followLatencySettings(services_, wanted_.servers);
      services_.control.rememberSettings(
          wanted_.servers, topologyVersion_,
          parts.size() >= nodes_ ? Control::Taken::ByAll : Control::Taken::BySome);
      noteIfSlowNow();
    }
    protocol::appendSimple(out, "OK");
    return true;
  }
  bool canForgo() const override { return true; }

 private:
  // It was looked at by the old limit; one Redis looks at the end.
  void noteIfSlowNow() {
    const auto took = std::chrono::duration_cast<net::Micros>(services_.host.now - since_);
    const bool noted = wasSlow_ >= 0 && took.count() >= wasSlow_;
    if (noted || !services_.slowLog.isSlow(took)) return;
    entry_.amount = took.count();
    const std::vector<std::string_view> words(said_.begin(), said_.end());
    services_.slowLog.add(LogKind::Slow, std::move(entry_), words);
  }

  Services& services_;
  const Wanted wanted_;
  const std::size_t nodes_;
  const std::uint64_t topologyVersion_;
  const std::vector<std::string> said_;
  const net::TimePoint since_;
  const std::int64_t wasSlow_;
  SlowEntry entry_;
};

class SettingsReset final : public routing::Composer {
 public:
  explicit SettingsReset(Control& control) : control_(control) {}

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

std::optional<OwnChange> ofPassword(const Services& services, std::string_view password, Wanted& wanted) {
  PasswordChange change = passwordChange(services, password);
  if (change.ofUser) wanted.password = password;
  wanted.keepsClientsIn = !change.options.empty();
  OwnChange own;
  own.options = std::move(change.options);
  own.refusal = std::move(change.refusal);
  return own;
}

// Told by the proxy: nothing is to be done, or it is refused. nullopt: the nodes have to be asked.
std::optional<bool> staysAsItIs(const Services& services, const OwnChange& own, std::string_view name,
                                std::string_view value) {
  if (!own.mayStay) return false;
  const auto told = ownSettingText(services.config, name);
  if (!told) return std::nullopt;
  return *told == value;
}

// One server's replicas are set by whoever looks after them, as without the proxy.
void toEveryServer(const config::Config& config, Plan& plan) {
  plan.kind = Plan::Kind::EachNode;
  plan.replicas = !config::servesOneServer(config);
}

void planChange(Services& services, Wanted wanted, Argv argv, Plan& plan) {
  plan.clear();
  if (wanted.servers.empty()) {
    plan.kind = Plan::Kind::Nobody;
  } else {
    toEveryServer(services.config, plan);
    std::vector<std::string_view> words{argv[0], argv[1]};
    for (const auto& [name, value] : wanted.servers) words.insert(words.end(), {name, value});
    if (words.size() != argv.size() || !std::equal(words.begin(), words.end(), argv.begin()))
      protocol::appendRequest(plan.rewritten, words);
  }
  plan.composer = std::make_unique<SettingComposer>(services, std::move(wanted), argv);
}

}  // namespace

bool planConfigSet(Services& services, Argv argv, Plan& plan) {
  if (argv.size() % 2 != 0) return false;  // a server words the error
  plan.clear();
  if (!services.config.allowAdminCommands) {
    planMoreEvents(services, argv.back(), plan);
    return true;
  }
  Wanted wanted;
  std::vector<Unchanged> unchanged;
  const auto refuse = [&](std::string_view name, std::string_view reason) {
    plan.kind = Plan::Kind::Refused;
    plan.error = failure(name, reason);
    return true;
  };
  for (std::size_t i = 2; i < argv.size(); i += 2) {
    if (isDuplicate(argv, 2, i)) return refuse(argv[i], kDuplicate);
    if (equalsIgnoringCase(argv[i], kLogLevel)) {
      wanted.level = levelOf(argv[i + 1]);
      if (wanted.level == nullptr) return refuse(argv[i], kUnknownLevel);
      continue;
    }
    const auto own = equalsIgnoringCase(argv[i], kPasswordSetting)
                         ? ofPassword(services, argv[i + 1], wanted)
                         : ownChange(services.config, argv[i], argv[i + 1]);
    if (!own) {
      wanted.servers.emplace_back(argv[i], argv[i + 1]);
      continue;
    }
    if (!own->refusal.empty()) {
      const auto stays = staysAsItIs(services, *own, argv[i], argv[i + 1]);
      if (stays && !*stays) return refuse(argv[i], own->refusal);
      if (!stays)
        unchanged.push_back({std::string(argv[i]), std::string(argv[i + 1]), failure(argv[i], own->refusal)});
      continue;
    }
    wanted.options.insert(wanted.options.end(), own->options.begin(), own->options.end());
    if (own->forNodes) wanted.servers.emplace_back(argv[i], *own->forNodes);
    std::string problem;
    changed(services.config, wanted.options, problem);
    if (!problem.empty()) return refuse(argv[i], problem);
  }
  if (unchanged.empty()) {
    planChange(services, std::move(wanted), argv, plan);
  } else {
    Plan then;
    planChange(services, std::move(wanted), argv, then);
    planIfUnchanged(services, std::move(unchanged), std::move(then), plan);
  }
  return true;
}

bool planConfigResetStat(Services& services, Argv, Plan& plan) {
  plan.clear();
  plan.kind = Plan::Kind::Nobody;
  if (services.config.allowAdminCommands) toEveryServer(services.config, plan);
  plan.composer = std::make_unique<SettingsReset>(services.control);
  return true;
}

std::optional<ProxySettings> readProxySettings(const config::Config& config, Argv pairs, std::string& error) {
  ProxySettings settings;
  std::string_view name;
  const auto refuse = [&](std::string_view reason) {
    error = failure(name, reason);
    return std::nullopt;
  };
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
    name = pairs[i];
    if (isDuplicate(pairs, 0, i)) return refuse(kDuplicate);
    if (equalsIgnoringCase(name, kLogLevel)) {
      const LevelWord* level = levelOf(pairs[i + 1]);
      if (level == nullptr) return refuse(kUnknownLevel);
      settings.level = level->level;
      continue;
    }
    if (equalsIgnoringCase(name, kPasswordSetting))
      return refuse("passwords are not passed on: use client-password-file, or CONFIG SET at each proxy");
    const auto own = ownChange(config, name, pairs[i + 1]);
    if (!own) return refuse(kOfNodes);
    if (!own->refusal.empty()) return refuse(own->refusal);
    if (own->options.empty()) return refuse(kOfNodes);
    settings.options.insert(settings.options.end(), own->options.begin(), own->options.end());
    std::string problem;
    changed(config, settings.options, problem);
    if (!problem.empty()) return refuse(problem);
  }
  return settings;
}

void putInForce(Services& services, const ProxySettings& settings) {
  if (settings.level) changeLogLevel(*settings.level);
  if (!settings.options.empty()) changeOptions(services, settings.options, false);
}

std::string_view logLevelWord() {
  const auto* found = std::find_if(std::begin(kLevelWords), std::end(kLevelWords),
                                   [](const LevelWord& each) { return log::enabled(each.level); });
  return found == std::end(kLevelWords) ? kLevelWords[0].word : found->word;
}

}  // namespace slotless::session
