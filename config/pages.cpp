#include "config/pages.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "config/schema.h"
#include "config/value.h"

namespace slotless::config {

namespace {

struct ActionLine {
  std::string_view usage;
  std::string_view sentence;
};
constexpr ActionLine kActionLines[] = {
    {"--config FILE", "YAML file to read options from. [SLOTLESS_CONFIG]"},
    {"--check-config",
     "Check the configuration, print the values in force and where they come from, and exit."},
    {"--print-config-reference", "Print the reference of all options as Markdown, and exit."},
    {"--print-cross-slot-table",
     "Print as Markdown what becomes of commands over keys in several slots, and exit."},
    {"--print-command-table", "Print as Markdown what becomes of each command, and exit."},
    {"--help", "Print this text, and exit."},
    {"--version", "Print the version, and exit."},
};

constexpr std::string_view kHelpHead = R"(Usage: slotless --cluster-nodes HOST:PORT,... [--option VALUE]...

Makes a Redis Cluster look like one plain Redis.

Each option can be set on the command line (--name VALUE or --name=VALUE), by the environment variable
in brackets, or in a YAML file (name: value). The command line beats the environment, which beats the file.
)";

constexpr std::string_view kReferenceHead = R"(# Configuration reference

<!-- Generated: do not edit. `slotless --print-config-reference > docs/configuration.md` -->

Each option can be set in four places; the first that sets it wins:

1. the command line: `--hold-timeout 15s` or `--hold-timeout=15s`;
2. the environment: `SLOTLESS_HOLD_TIMEOUT=15s`, and after these the `REDIS_*` names given below (an
   empty variable counts as not set);
3. a YAML file, named by `--config FILE` or `SLOTLESS_CONFIG`: `hold-timeout: 15s`;
4. the default.

Lists are separated by commas; they may also be sequences in the file, and the option may be repeated on
the command line. Sizes have the units of `redis.conf` (`k` = 1000 bytes, `kb` = 1024 bytes, `m`, `mb`,
`g`, `gb`; none = bytes). Durations name their unit (`ms`, `s`, `m`, `h`); only `0` has none. Switches are
`yes` or `no` (also `true`, `false`, `on`, `off`).

Unknown names, values out of range and contradictions stop the start. All errors are reported at once,
each with its file and line, variable or argument. `slotless --check-config` reports them without
starting; if there are none, it prints the values in force and where each comes from. Neither shows a
secret.

*Reloadable* options take effect when the process gets SIGHUP and reads file, environment and command line
again: at once, or for connections that are made from then on where an option is about making them (keepalive,
names). Connections to nodes that stand log in anew. The log tells what has changed from what to what, and which changes wait for a restart. If
anything is wrong, the errors are logged and everything stays as it was.
)";

std::string defaultText(const Option& option) {
  return format(option, Config{});
}

std::string code(const std::string& text) {
  return "`" + text + "`";
}

std::string referenceRow(const Option& option) {
  const std::string normally = defaultText(option);
  std::string variables = code(environmentName(option.name));
  if (!option.redisVariable.empty()) variables += ", " + code(std::string(option.redisVariable));
  std::string row;
  for (const auto& cell :
       {code(std::string(option.name)), typeName(option), normally.empty() ? "none" : code(normally),
        range(option), unit(option), std::string(option.isReloadable() ? "yes" : "no"), variables,
        std::string(option.sentence) + (option.isSecret() ? " *Secret: never shown.*" : "")}) {
    row += "| " + cell + " ";
  }
  return row + "|\n";
}

// Calls onGroup(group) before the first option of each group.
void forEachOption(auto&& onGroup, auto&& onOption) {
  std::optional<Group> last;
  for (const auto& option : schema()) {
    if (option.group != last) onGroup(option.group);
    last = option.group;
    onOption(option);
  }
}

std::string yamlValue(const Option& option, const Config& config) {
  const auto entries = formatEntries(option, config);
  if (option.isList()) {
    std::string list;
    for (const auto& entry : entries) list += (list.empty() ? "" : ", ") + inQuotes(entry, entry.size());
    return "[" + list + "]";
  }
  const bool isText = std::holds_alternative<std::string Config::*>(option.member);
  const bool isQuoted = option.kind == Kind::AdminListener || option.kind == Kind::Program;
  return isText || isQuoted ? inQuotes(entries.front(), entries.front().size()) : entries.front();
}

}  // namespace

std::string helpPage() {
  std::string page(kHelpHead);
  const auto addLine = [&](std::string_view usage, const std::string& rest) {
    page += "  " + std::string(usage) + "\n      " + rest + "\n";
  };
  forEachOption(
      [&](Group group) { page += "\n" + std::string(title(group)) + ":\n"; },
      [&](const Option& option) {
        const std::string normally = defaultText(option);
        addLine("--" + std::string(option.name) + " VALUE",
                std::string(option.sentence) + "\n      Allowed: " + allowed(option) + ". Default: " +
                    (normally.empty() ? "none" : normally) + ". [" + environmentName(option.name) +
                    (option.redisVariable.empty() ? "" : ", " + std::string(option.redisVariable)) + "]");
      });
  page += "\nOther:\n";
  for (const auto& line : kActionLines) addLine(line.usage, std::string(line.sentence));
  return page;
}

std::string versionPage() {
  return "slotless " SLOTLESS_VERSION "\n";
}

std::string referencePage() {
  std::string page(kReferenceHead);
  forEachOption(
      [&](Group group) {
        page += "\n## " + std::string(title(group)) +
                "\n\n| Option | Type | Default | Allowed | Unit | Reloadable | Environment | Meaning |\n"
                "|---|---|---|---|---|---|---|---|\n";
      },
      [&](const Option& option) { page += referenceRow(option); });
  return page;
}

std::string effectivePage(const Config& config, const Origins& origins) {
  std::string page;
  forEachOption(
      [&](Group group) { page += (page.empty() ? "# " : "\n# ") + std::string(title(group)) + "\n"; },
      [&](const Option& option) {
        const auto origin = origins.find(option.name);
        const std::string source = origin == origins.end() ? Origin{}.text : origin->second.text;
        const std::string name(option.name);
        // A masked secret must not become the password of somebody who uses this as a file.
        const bool isSet = !format(option, config).empty();
        page += option.isSecret() ? "# " + name + (isSet ? ": (set, not shown)" : ": (not set)")
                                  : name + ": " + yamlValue(option, config);
        page += "  # " + source + "\n";
      });
  return page;
}

}  // namespace slotless::config
