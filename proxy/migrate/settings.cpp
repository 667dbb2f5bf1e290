#include "proxy/migrate/settings.h"

#include <algorithm>
#include <array>
#include <utility>

#include "config/database_rule.h"
#include "config/quantity.h"
#include "proxy/subcommand/daemon_options.h"
#include "proxy/subcommand/source_options.h"

namespace slotless::migrate {

using subcommand::Options;
using subcommand::OptionSpec;
using subcommand::Takes;

namespace {

constexpr std::array<std::string_view, 8> kActionNames{"check",     "run",    "verify", "cut-over",
                                                       "roll-back", "status", "abort",  "finish"};

// Of a cut-over: the run that attends it gives up after a minute.
constexpr std::chrono::milliseconds kShortestPause{10};
constexpr std::chrono::milliseconds kLongestPause{60'000};

constexpr std::array<OptionSpec, 17> kOwn{{
    {"json", "", "One JSON object a line.", Takes::Nothing},
    {"once", "", "run: end with exit code 0 when the copy has caught up.", Takes::Nothing},
    {"overwrite", "",
     "run: into databases of the target that have keys; those that the source does not have are deleted.",
     Takes::Nothing},
    {"one-way", "",
     "run: it ends with the cut-over, and nothing is copied back to the server: it stays as it was, and there is no roll-back.",
     Takes::Nothing},
    {"proxy", "URL",
     "cut-over, roll-back: one of the proxies, by its console; one option for each. Without any they are found by "
     "what they say of themselves in the cluster. [SLOTLESS_MIGRATE_PROXY_USERNAME, SLOTLESS_MIGRATE_PROXY_PASSWORD]",
     Takes::Values},
    {"max-pause", "TIME", "cut-over, roll-back: it is given up if clients would wait longer. Default: 1s",
     Takes::Value},
    {"force", "",
     "abort: also if a run is at work on another machine, and after a cut-over; cut-over, roll-back: also if somebody goes round the "
     "proxies.",
     Takes::Nothing},
    {"big-key", "SIZE", "run: larger values are copied in pieces. Default: 1mb", Takes::Value},
    {"max-latency", "TIME", "run: of the source; beyond it less is asked. 0: no limit. Default: 50ms",
     Takes::Value},
    {"max-lag", "TIME", "run: caught up is whoever is not farther behind. Default: 1s", Takes::Value},
    {"parallel", "COUNT", "run: so many threads copy. Default: 4", Takes::Value},
    {"sample", "COUNT",
     "verify: only so many keys of each database; check: look at so many. Default: all; 10000", Takes::Value},
    {"most", "COUNT", "verify: print up to so many differences. Default: 100", Takes::Value},
    {"settle", "TIME", "verify: a difference counts if it is still there after so long. Default: 5s",
     Takes::Value},
    {"ttl-tolerance", "TIME", "verify: times to live may differ so much. Default: 1s", Takes::Value},
    {"monitor", "TIME", "check: watch the commands of the source for so long. 0: not at all. Default: 2s",
     Takes::Value},
    {"help", "", "Print this text, and exit.", Takes::Nothing},
}};

constexpr std::string_view kHead =
    R"(Usage: slotless migrate check|run|verify|cut-over|roll-back|status|abort|finish --from URL --to URL,... [--option VALUE]...

Copies what one Redis or Valkey has into a cluster, with the names that Slotless gives the keys of its databases there,
while applications go on using it.

  check    what is in the way; changes nothing
  run      copies, and goes on copying what changes; may be ended and started again at any time
  verify   compares both ways
  cut-over lets the proxies go over to the cluster, while a run follows; clients wait for a moment. From then on the run
           copies what is written on the cluster back to the server
  roll-back lets the proxies go back to the server, while a run follows; then all is as before the cut-over
  status   where it stands
  abort    ends it before the cut-over, and forgets where it stands
  finish   the same once it has caught up, and for good after a cut-over; prints what can be deleted. Nothing is
           deleted on the source

Exit code: 0, it is so; 1, it is not (check: something is in the way; verify: there are differences); 2, trouble.
Passwords may be in the environment or in files instead of URLs.

)";

class Reader {
 public:
  explicit Reader(const subcommand::Arguments& arguments)
      : specs_(subcommand::withCommonOptions(kOwn)), options_(Options::read(specs_, arguments)) {}

  SettingsResult read() {
    if (options_.has("help")) return {{}, {}, std::string(kHead) + subcommand::helpText(specs_)};
    if (!options_.error().empty()) return no(options_.error());
    if (options_.words().size() != 1 ||
        std::find(kActionNames.begin(), kActionNames.end(), options_.words()[0]) == kActionNames.end())
      return no("allowed: slotless migrate check|run|verify|cut-over|roll-back|status|abort|finish");
    settings_.action = options_.words()[0];
    settings_.json = options_.has("json");
    settings_.once = options_.has("once");
    settings_.oneWay = options_.has("one-way");
    settings_.overwrite = options_.has("overwrite");
    settings_.force = options_.has("force");
    readQuantities();
    if (error_.empty()) readTarget();
    if (error_.empty()) readSource();
    if (error_.empty()) readProxies();
    if (!error_.empty()) return no(error_);
    return {std::move(settings_), {}, {}};
  }

 private:
  static SettingsResult no(std::string error) { return {{}, std::move(error), {}}; }

  void time(std::string_view name, std::chrono::milliseconds& value) {
    const auto text = options_.value(name);
    if (!text) return;
    const auto parsed = config::parseDuration(*text);
    if (parsed.value)
      value = *parsed.value;
    else
      error_ = "--" + std::string(name) + ": allowed is a time with its unit, as in 500ms or 2s";
  }
  void count(std::string_view name, std::uint64_t least, std::uint64_t most, auto& value) {
    const auto text = options_.value(name);
    if (!text) return;
    const auto parsed = config::parseCount(*text);
    if (parsed.value && *parsed.value >= least && *parsed.value <= most)
      value = static_cast<std::remove_reference_t<decltype(value)>>(*parsed.value);
    else
      error_ = "--" + std::string(name) + ": allowed is a number from " + std::to_string(least) + " to " +
               std::to_string(most);
  }

  void readMaxPause() {
    time("max-pause", settings_.maxPause);
    if (settings_.maxPause < kShortestPause || settings_.maxPause > kLongestPause)
      error_ = "--max-pause: allowed is a time from 10ms to 60s";
  }

  void readQuantities() {
    time("max-latency", settings_.maxLatency);
    time("max-lag", settings_.lag);
    time("ttl-tolerance", settings_.ttlTolerance);
    time("settle", settings_.settle);
    time("monitor", settings_.monitor);
    readMaxPause();
    count("parallel", 1, 64, settings_.parallel);
    count("sample", 1, 1'000'000'000, settings_.sample);
    count("most", 1, 1'000'000, settings_.most);
    if (const auto text = options_.value("big-key")) {
      const auto parsed = config::parseBytes(*text);
      if (parsed.value && *parsed.value > 0)
        settings_.bigKeyBytes = static_cast<std::int64_t>(*parsed.value);
      else
        error_ = "--big-key: allowed is a size, as in 512kb";
    }
  }

  void readTarget() {
    auto daemon = subcommand::readDaemonOptions(options_);
    error_ = std::move(daemon.error);
    if (!error_.empty()) return;
    settings_.config = std::move(daemon.config);
    settings_.to = subcommand::clusterUrls(settings_.config);
    settings_.toOptions.tls = subcommand::TlsFiles::of(settings_.config);
    settings_.toOptions.replyTimeout = std::chrono::seconds(10);
    settings_.toOptions.clientName = "slotless-migrate";
    if (settings_.to.empty()) error_ = "where to? --to redis://USER:PASSWORD@HOST:PORT,...";
  }

  void readSource() {
    auto source = subcommand::readSourceOptions(options_, settings_.config);
    error_ = std::move(source.error);
    if (!error_.empty()) return;
    settings_.from = std::move(source.url);
    if (settings_.from.database != 0) error_ = "--from: all databases are copied; name none";
    settings_.fromOptions = settings_.toOptions;
    settings_.fromOptions.tls = std::move(source.tls);
  }

  void readProxies() {
    settings_.proxyOptions = settings_.toOptions;
    settings_.proxyOptions.clientName = "slotless-cut-over";
    const auto variable = [](const char* name) {
      const char* const value = std::getenv(name);
      return value == nullptr ? std::string() : std::string(value);
    };
    settings_.proxyUsername = variable(subcommand::kProxyUserVariable);
    settings_.proxyPassword = variable(subcommand::kProxyPasswordVariable);
    for (const std::string& text : options_.values("proxy")) {
      auto url = subcommand::parseServerUrl(text);
      if (!url.value) {
        error_ = "--proxy: " + url.reason;
        return;
      }
      if (url.value->password.empty()) url.value->password = settings_.proxyPassword;
      settings_.proxies.push_back(*std::move(url.value));
    }
  }

  std::vector<OptionSpec> specs_;
  Options options_;
  Settings settings_;
  std::string error_;
};

}  // namespace

std::string Settings::identity() const {
  std::string text = from.shown() + " databases=" + std::to_string(config.databases);
  for (std::uint64_t i = 0; i < config.databases; ++i)
    text += " " + config::formatDatabaseRule(config::ruleFor(config, i));
  return text;
}

SettingsResult readSettings(const subcommand::Arguments& arguments) {
  return Reader(arguments).read();
}

}  // namespace slotless::migrate
