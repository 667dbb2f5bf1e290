#include "config/environment.h"

#include <cctype>
#include <string_view>

#include "config/value.h"

namespace slotless::config {

namespace {

constexpr std::string_view kPrefix = "SLOTLESS_";
constexpr std::string_view kFileVariable = "SLOTLESS_CONFIG";
constexpr std::string_view kClusterEnabled = "REDIS_CLUSTER_ENABLED";
constexpr std::string_view kServerUrl = "REDIS_URL";

bool isServiceLink(std::string_view name) {
  // https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
  if (name.ends_with("_SERVICE_HOST") || name.ends_with("_SERVICE_PORT") || name.ends_with("_PORT"))
    return true;
  if (name.find("_SERVICE_PORT_") != std::string_view::npos) return true;
  const auto port = name.find("_PORT_");
  return port != std::string_view::npos && port + 6 < name.size() &&
         std::isdigit(static_cast<unsigned char>(name[port + 6])) != 0;
}

std::string sourceOf(std::string_view variable) {
  return "environment variable " + std::string(variable);
}

void take(const Environment& environment, const Option& option, const std::string& variable, Layer layer,
          Settings& settings) {
  const auto found = environment.find(variable);
  if (found == environment.end() || found->second.empty()) return;
  settings.settings.push_back({&option, found->second, {layer, sourceOf(variable)}});
}

const Option* optionOf(std::string_view variable) {
  for (const auto& option : schema()) {
    if (environmentName(option.name) == variable) return &option;
  }
  return nullptr;
}

// The words that applications have for yes and no.
std::optional<bool> truthOf(std::string_view text) {
  std::string word(text);
  for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (word == "true" || word == "yes" || word == "on" || word == "1") return true;
  if (word == "false" || word == "no" || word == "off" || word == "0") return false;
  return std::nullopt;
}

void takeClusterEnabled(const Environment& environment, Settings& settings) {
  const auto found = environment.find(std::string(kClusterEnabled));
  if (found == environment.end() || found->second.empty()) return;
  const Option& upstream = *findOption("upstream");
  if (const auto enabled = truthOf(found->second)) {
    settings.settings.push_back(
        {&upstream, *enabled ? "cluster" : "single", {Layer::RedisVariable, sourceOf(kClusterEnabled)}});
    return;
  }
  settings.errors.push_back({sourceOf(kClusterEnabled), std::string(upstream.name),
                             "found " + inQuotes(found->second) + "; allowed: true or false"});
  settings.doubtful.insert(upstream.name);
}

}  // namespace

EnvironmentSettings readEnvironment(const Environment& environment) {
  EnvironmentSettings result;
  takeClusterEnabled(environment, result.settings);
  const auto url = environment.find(std::string(kServerUrl));
  if (url != environment.end() && !url->second.empty()) {
    result.serverUrl =
        Setting{findOption("server"), url->second, {Layer::RedisVariable, sourceOf(kServerUrl)}};
  }
  for (const auto& option : schema()) {
    if (!option.redisVariable.empty()) {
      take(environment, option, std::string(option.redisVariable), Layer::RedisVariable, result.settings);
    }
    take(environment, option, environmentName(option.name), Layer::Variable, result.settings);
  }
  for (const auto& [name, value] : environment) {
    if (!name.starts_with(kPrefix)) continue;
    if (name == kFileVariable) {
      if (value.empty()) continue;
      result.file = value;
      result.fileSource = sourceOf(name);
    } else if (optionOf(name) == nullptr && !isServiceLink(name)) {
      addUnknown(result.settings, "", name, "environment variable", environmentName);
    }
  }
  return result;
}

}  // namespace slotless::config
