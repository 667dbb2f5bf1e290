#include "config/load.h"

#include <algorithm>
#include <utility>

#include "config/command_line.h"
#include "config/cross_checks.h"
#include "config/node_urls.h"
#include "config/pages.h"
#include "config/password_text.h"
#include "config/upstream.h"
#include "config/value.h"
#include "config/yaml_file.h"

namespace slotless::config {

namespace {

constexpr std::uint64_t kFewestWorkers = 2;

class Loader {
 public:
  explicit Loader(const Inputs& inputs) : inputs_(inputs) {}

  LoadResult load() {
    const CommandLine commandLine = readCommandLine(inputs_.arguments);
    if (commandLine.action == Action::Help) return Printout{helpPage()};
    if (commandLine.action == Action::Version) return Printout{versionPage()};
    if (commandLine.action == Action::PrintReference) return Printout{referencePage()};

    const EnvironmentSettings environment = readEnvironment(inputs_.environment);
    if (commandLine.file) {
      takeFile(*commandLine.file, commandLine.fileSource);
    } else if (environment.file) {
      takeFile(*environment.file, environment.fileSource);
    }
    take(environment.settings);
    take(commandLine.settings);
    chooseUpstream(environment.serverUrl);
    takeFromUrls();
    readPasswordFile("password-file", "password", &Config::passwordFile);
    readPasswordFile("client-password-file", "client-password", &Config::clientPasswordFile);
    if (servesOneServer(config_)) useServersOwn();
    readUsers();
    resolveWorkers();
    // What an unreadable file would have said is not known, so contradictions would be guesses.
    if (fileIsReadable_) crossCheck();

    if (!errors_.empty()) return std::move(errors_);
    if (commandLine.action == Action::CheckConfig) return Printout{effectivePage(config_, origins_)};
    if (inputs_.tellOrigins) inputs_.tellOrigins(origins_);
    return std::move(config_);
  }

 private:
  void takeFile(const std::string& path, const std::string& source) {
    const FileText file = inputs_.readFile(path);
    if (!file.text) {
      fileIsReadable_ = false;
      errors_.push_back({source, "config",
                         "found " + inQuotes(path) + " (" + file.error +
                             "); allowed: the path of a YAML file that can be read"});
      return;
    }
    if (const auto problem = inputs_.tryParser ? inputs_.tryParser(*file.text) : std::nullopt) {
      fileIsReadable_ = false;
      errors_.push_back({path, "", *problem});
      return;
    }
    const YamlSettings yaml = readYaml(path, *file.text);
    fileIsReadable_ = yaml.isReadable;
    take(yaml.settings);
  }

  // Sources come from weak to strong; a list continues only within one layer.
  void take(const Settings& source) {
    errors_.insert(errors_.end(), source.errors.begin(), source.errors.end());
    doubtful_.insert(source.doubtful.begin(), source.doubtful.end());
    for (const auto& setting : source.settings) {
      const Option& option = *setting.option;
      const auto origin = origins_.find(option.name);
      const bool continues = origin != origins_.end() && origin->second.layer == setting.origin.layer;
      if (auto problem = takeOne(setting, continues ? Assign::Append : Assign::Replace)) {
        addError(option.name, setting.origin, *problem);
      } else if (!continues) {
        origins_[option.name] = setting.origin;
      }
    }
  }

  std::optional<std::string> takeOne(const Setting& setting, Assign how) {
    const Option& option = *setting.option;
    if (option.kind != Kind::Nodes) return assign(option, setting.text, how, config_);
    const bool ofServer = option.name == "server";
    NodeUrls& urls = ofServer ? serverUrls_ : urls_;
    if (how == Assign::Replace) urls = {};
    const auto addresses = ofServer ? urls.takeServer(setting.text) : urls.take(setting.text);
    if (addresses.value) return assign(option, *addresses.value, how, config_);
    return "found a text that is not shown because it may hold a secret (" + addresses.reason +
           "); allowed: " + allowed(option);
  }

  // By a word, or by what is set: the cluster, if both are.
  void chooseUpstream(const std::optional<Setting>& url) {
    const bool hasServer = origins_.contains("server") || url;
    if (!origins_.contains("upstream") && !doubtful_.contains("upstream") && hasServer) {
      const std::string_view server = origins_.contains("server") ? "server" : "REDIS_URL";
      const bool hasNodes = origins_.contains("cluster-nodes") || doubtful_.contains("cluster-nodes");
      if (!hasNodes) config_.upstream = Upstream::Single;
      origins_["upstream"] = {Layer::Default, "default, since cluster-nodes is set, though " +
                                                  std::string(server) + " is as well"};
      if (!hasNodes)
        origins_["upstream"].text = "since " + std::string(server) + " is set and cluster-nodes is not";
    }
    if (!url || !servesOneServer(config_) || origins_.contains("server")) return;
    Settings settings;
    settings.settings.push_back(*url);
    take(settings);
  }

  // The options that are about servers whichever they are.
  void useServersOwn() {
    const auto use = [&](std::string_view own, std::string_view common) {
      const auto origin = origins_.find(own);
      if (origin == origins_.end()) return false;
      origins_[findOption(common)->name] = {origin->second.layer,
                                            std::string(own) + " (" + origin->second.text + ")"};
      return true;
    };
    if (use("server-tls", "cluster-tls")) config_.clusterTls = config_.serverTls;
    if (!hasServersCredentials(config_)) return;
    useServersCredentials(config_);
    use("server-username", "username");
    use("server-password", "password");
  }

  // As if each had been set beside cluster-nodes, or server.
  void takeFromUrls() {
    if (urls_.tls()) takeFromUrl("cluster-nodes", "cluster-tls", *urls_.tls() ? "yes" : "no");
    if (urls_.username()) takeFromUrl("cluster-nodes", "username", *urls_.username());
    if (urls_.password()) takeFromUrl("cluster-nodes", "password", *urls_.password());
    const NodeUrls& server = serverUrls_;
    if (server.tls()) takeFromUrl("server", "server-tls", *server.tls() ? "yes" : "no");
    if (server.username()) takeFromUrl("server", "server-username", *server.username());
    if (server.password()) takeFromUrl("server", "server-password", *server.password());
    if (server.sentinelName()) takeFromUrl("server", "sentinel-name", *server.sentinelName());
  }

  // `source`: the option whose URLs say so.
  void takeFromUrl(std::string_view source, std::string_view name, const std::string& value) {
    const Option& option = *findOption(name);
    const Origin& nodes = origins_[findOption(source)->name];
    const auto other = origins_.find(name);
    if (other != origins_.end() && other->second.layer > nodes.layer) return;
    if (other != origins_.end() && other->second.layer == nodes.layer) {
      if (format(option, config_) == value) return;
      return addError(source, nodes,
                      "found a URL that says something else than " + std::string(name) + " (" +
                          other->second.text + "); allowed: one of the two, or the same in both");
    }
    if (assign(option, value, Assign::Replace, config_)) {
      return addError(source, nodes,
                      "found a URL whose " + std::string(name) +
                          " is too long or has a character that is not allowed; allowed: " + allowed(option));
    }
    origins_[option.name] = {nodes.layer, nodes.text + ", URL"};
  }

  void readPasswordFile(std::string_view fileOption, std::string_view option, std::string Config::*path) {
    if ((config_.*path).empty()) return;
    const Origin& file = origins_[fileOption];
    if (const auto password = origins_.find(option); password != origins_.end()) {
      if (password->second.layer > file.layer) return (config_.*path).clear();
      if (password->second.layer == file.layer) {
        return addError(fileOption, file,
                        "found together with " + std::string(option) + " (" + password->second.text +
                            "); allowed: one of the two");
      }
    }
    const auto refuse = [&](const std::string& reason) {
      addError(fileOption, file,
               "found " + inQuotes(config_.*path) + " (" + reason +
                   "); allowed: a file whose only line is the password");
    };
    const FileText content = inputs_.readFile(config_.*path);
    if (!content.text) return refuse(content.error);
    const auto password = passwordIn(*content.text);
    if (!password.value) return refuse(password.reason);
    static_cast<void>(assign(*findOption(option), *password.value, Assign::Replace, config_));
    origins_[findOption(option)->name] = {file.layer, file.text + ", " + std::string(fileOption)};
  }

  void readUsers() {
    const auto set = origins_.find("users");
    if (!config_.aclFile.empty()) {
      const Origin& file = origins_["acl-file"];
      if (set != origins_.end() && !config_.users.empty()) {
        return addError("acl-file", file,
                        "found together with users (" + set->second.text + "); allowed: one of the two");
      }
      FileText content = inputs_.readFile(config_.aclFile);
      if (!content.text) {
        return addError("acl-file", file,
                        "found " + inQuotes(config_.aclFile) + " (" + content.error +
                            "); allowed: a file of lines \"user NAME RULE ...\"");
      }
      config_.users = linesIn(*content.text);
    }
    if (inputs_.checkUsers && !config_.adminUsers.empty()) {
      for (const std::string& problem : inputs_.checkUsers(config_.adminUsers, "admin-users"))
        addError("admin-users", origins_["admin-users"], problem);
    }
    if (!inputs_.checkUsers || !config_.hasUsers()) return;
    const bool inFile = !config_.aclFile.empty();
    const std::string option = inFile ? "acl-file" : "users";
    for (const std::string& problem : inputs_.checkUsers(config_.users, inFile ? config_.aclFile : "users"))
      addError(option, origins_[findOption(option)->name], problem);
  }

  // All of them, so that their numbers are right.
  static std::vector<std::string> linesIn(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < text.size();) {
      const auto end = std::min(text.find('\n', begin), text.size());
      lines.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
    return lines;
  }

  void resolveWorkers() {
    if (config_.workers != 0) return;
    config_.workers = std::clamp(inputs_.cpuCount, kFewestWorkers, findOption("workers")->max);
    origins_["workers"].text += " (auto)";
  }

  void crossCheck() {
    for (const auto& conflict : conflicts(config_)) {
      const bool isDoubtful = std::any_of(conflict.options.begin(), conflict.options.end(),
                                          [&](std::string_view name) { return doubtful_.contains(name); });
      if (isDoubtful) continue;
      // The source that set the named option or, if it has its default, the first other one that was set.
      const auto set =
          std::find_if(conflict.options.begin(), conflict.options.end(), [&](std::string_view name) {
            const auto origin = origins_.find(name);
            return origin != origins_.end() && origin->second.layer != Layer::Default;
          });
      const std::string source = set == conflict.options.end() ? "" : origins_[*set].text;
      errors_.push_back({source, std::string(conflict.options.front()), conflict.problem});
    }
  }

  void addError(std::string_view option, const Origin& origin, const std::string& problem) {
    doubtful_.insert(findOption(option)->name);
    errors_.push_back({origin.text, std::string(option), problem});
  }

  const Inputs& inputs_;
  Config config_;
  Origins origins_;
  std::set<std::string_view> doubtful_;
  Errors errors_;
  NodeUrls urls_;  // of what is in force
  NodeUrls serverUrls_;
  bool fileIsReadable_ = true;
};

}  // namespace

LoadResult load(const Inputs& inputs) {
  return Loader(inputs).load();
}

}  // namespace slotless::config
