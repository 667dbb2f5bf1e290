#include "proxy/tracking/tracking_options.h"

#include <algorithm>
#include <array>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/strict_integer.h"

namespace slotless::session {

using protocol::equalsIgnoringCase;

namespace {

constexpr std::string_view kSyntaxError = "ERR syntax error";

struct Flag {
  std::string_view word;
  bool TrackingOptions::*flag;
};
constexpr std::array<Flag, 4> kFlags = {{
    {"BCAST", &TrackingOptions::broadcast},
    {"OPTIN", &TrackingOptions::optIn},
    {"OPTOUT", &TrackingOptions::optOut},
    {"NOLOOP", &TrackingOptions::noLoop},
}};

bool overlap(std::string_view one, std::string_view other) {
  return one.starts_with(other) || other.starts_with(one);
}

std::string overlapText(std::string_view prefix, std::string_view with, std::string_view other) {
  return "ERR Prefix '" + std::string(prefix) + "' overlaps with " + std::string(with) + " prefix '" +
         std::string(other) + "'. Prefixes for a single client must not overlap.";
}

}  // namespace

std::optional<TrackingOptions> parseTracking(protocol::Argv argv, std::string& error) {
  TrackingOptions options;
  for (std::size_t i = 3; i < argv.size(); ++i) {
    const bool more = i + 1 < argv.size();
    const auto* flag = std::find_if(kFlags.begin(), kFlags.end(),
                                    [&](const Flag& each) { return equalsIgnoringCase(argv[i], each.word); });
    if (flag != kFlags.end()) {
      options.*(flag->flag) = true;
    } else if (more && equalsIgnoringCase(argv[i], "PREFIX")) {
      options.prefixes.emplace_back(argv[++i]);
    } else if (more && equalsIgnoringCase(argv[i], "REDIRECT")) {
      if (options.redirect) {
        error = "ERR A client can only redirect to a single other client";
        return std::nullopt;
      }
      options.redirect = protocol::strictInteger(argv[++i]);
      if (!options.redirect) {
        error = "ERR value is not an integer or out of range";
        return std::nullopt;
      }
    } else {
      error = kSyntaxError;
      return std::nullopt;
    }
  }
  options.on = equalsIgnoringCase(argv[2], "ON");
  if (options.on || equalsIgnoringCase(argv[2], "OFF")) return options;
  error = kSyntaxError;
  return std::nullopt;
}

std::optional<std::string> TrackingMode::objectionTo(const TrackingOptions& wanted) const {
  if (!wanted.broadcast && !wanted.prefixes.empty())
    return "ERR PREFIX option requires BCAST mode to be enabled";
  if (prefixes_.size() + wanted.prefixes.size() > kMostPrefixes)
    return "ERR A client cannot track more than " + std::to_string(kMostPrefixes) + " prefixes";
  if (std::any_of(wanted.prefixes.begin(), wanted.prefixes.end(),
                  [](const std::string& prefix) { return prefix.size() > kLongestPrefix; }))
    return "ERR A prefix cannot be longer than " + std::to_string(kLongestPrefix) + " bytes";
  if (on() && broadcast() != wanted.broadcast) {
    return "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then "
           "re-enabling it with a different mode.";
  }
  if (wanted.broadcast && (wanted.optIn || wanted.optOut))
    return "ERR OPTIN and OPTOUT are not compatible with BCAST";
  if (wanted.optIn && wanted.optOut) return "ERR You can't specify both OPTIN mode and OPTOUT mode";
  if ((wanted.optIn && optOut()) || (wanted.optOut && optIn())) {
    return "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then "
           "re-enabling it with a different mode.";
  }
  for (std::size_t i = 0; i < wanted.prefixes.size(); ++i) {
    const std::string& prefix = wanted.prefixes[i];
    for (const std::string& existing : prefixes_) {
      if (overlap(prefix, existing)) return overlapText(prefix, "an existing", existing);
    }
    for (std::size_t j = i + 1; j < wanted.prefixes.size(); ++j) {
      if (overlap(prefix, wanted.prefixes[j]))
        return overlapText(prefix, "another provided", wanted.prefixes[j]);
    }
  }
  return std::nullopt;
}

void TrackingMode::turnOn(const TrackingOptions& wanted) {
  options_ = wanted;
  options_.prefixes.clear();
  if (wanted.broadcast && wanted.prefixes.empty()) {
    prefixes_.emplace();
    nodePrefixes_.emplace();
  }
  prefixes_.insert(wanted.prefixes.begin(), wanted.prefixes.end());
  for (std::string& prefix : nodePrefixes(wanted)) nodePrefixes_.insert(std::move(prefix));
}

std::vector<std::string> nodePrefixes(const TrackingOptions& options) {
  std::vector<std::string> prefixes = options.prefixes;
  for (std::string& prefix : prefixes) {
    if (!prefix.empty()) prefix.insert(0, options.keyPrefix);
  }
  return prefixes;
}

// Without a prefix BCAST adds the empty one, which as a PREFIX would overlap with any other.
std::vector<std::string> TrackingMode::commands(std::int64_t ear) const {
  std::vector<std::string> commands;
  std::vector<std::string> named(nodePrefixes_.begin(), nodePrefixes_.end());
  std::erase(named, "");
  if (!named.empty()) commands.push_back(trackingCommand(options_, named, ear));
  if (named.size() == nodePrefixes_.size() && !named.empty()) return commands;
  commands.push_back(trackingCommand(options_, {}, ear));
  return commands;
}

std::string trackingCommand(const TrackingOptions& options, const std::vector<std::string>& prefixes,
                            std::int64_t ear) {
  std::vector<std::string_view> words = {"CLIENT", "TRACKING", "ON"};
  for (const Flag& each : kFlags) {
    if (options.*(each.flag)) words.push_back(each.word);
  }
  for (const std::string& prefix : prefixes) {
    words.emplace_back("PREFIX");
    words.emplace_back(prefix);
  }
  const std::string number = std::to_string(ear);
  if (ear != 0) words.insert(words.end(), {"REDIRECT", number});
  std::string bytes;
  protocol::appendRequest(bytes, words);
  return bytes;
}

}  // namespace slotless::session
