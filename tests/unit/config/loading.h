// Runs load() on given arguments, variables and files; nothing real is touched.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "catch.h"
#include "config/load.h"

namespace slotless::config {

struct Loading {
  std::vector<std::string> arguments;
  Environment environment;
  std::map<std::string, std::string> files;
  std::uint64_t cpuCount = 4;
  std::function<std::optional<std::string>(const std::string& text)> tryParser = {};
  std::function<std::vector<std::string>(const std::vector<std::string>& lines, const std::string& where)>
      checkUsers = {};

  LoadResult result() const {
    const auto readFile = [this](const std::string& path) -> FileText {
      const auto file = files.find(path);
      if (file == files.end()) return {{}, "No such file or directory"};
      return {file->second, ""};
    };
    return load(Inputs{arguments, environment, readFile, cpuCount, tryParser, checkUsers});
  }

  Config config() const {
    const auto loaded = result();
    INFO(allErrors(loaded));
    REQUIRE(std::holds_alternative<Config>(loaded));
    return std::get<Config>(loaded);
  }

  // One text per error.
  std::vector<std::string> errors() const {
    const auto loaded = result();
    std::vector<std::string> texts;
    if (const auto* errors = std::get_if<Errors>(&loaded)) {
      for (const auto& error : *errors) texts.push_back(error.text());
    }
    return texts;
  }

  std::string printout() const {
    const auto loaded = result();
    INFO(allErrors(loaded));
    REQUIRE(std::holds_alternative<Printout>(loaded));
    return std::get<Printout>(loaded).text;
  }

  static std::string allErrors(const LoadResult& loaded) {
    std::string texts;
    if (const auto* errors = std::get_if<Errors>(&loaded)) {
      for (const auto& error : *errors) texts += error.text() + "\n";
    }
    return texts;
  }
};

// A configuration that is valid as it stands, with these arguments added.
inline Loading withArguments(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "--cluster-nodes=10.0.0.1:6379");
  return {arguments, {}, {}};
}

inline Loading withFile(const std::string& text) {
  return {{"--config=c.yaml"}, {{"REDIS_CLUSTER_NODES", "10.0.0.1:6379"}}, {{"c.yaml", text}}};
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace slotless::config
