#include "proxy/advise/report.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "proxy/subcommand/json_line.h"
#include "proxy/subcommand/size_text.h"

namespace slotless::advise {

using subcommand::JsonLine;

namespace {

constexpr std::array<std::string_view, kUseKinds> kKinds{"split", "commands", "transactions", "scripts"};
// As a table has them: with the kinds beside one another.
constexpr std::array<std::string_view, kUseKinds> kHeads{"MGET, DEL …", "other commands", "transactions",
                                                         "scripts"};

// Names may have any bytes, and the terminal is a program, too.
std::string shown(std::string_view text) {
  const std::string quoted = subcommand::jsonText(text);
  return quoted.substr(1, quoted.size() - 2);
}

// Letters, of which some have several bytes.
std::size_t widthOf(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string largestOf(const Spreading& spreading) {
  if (spreading.groups == 0) return "-";
  std::string text = std::to_string(spreading.largestKeys) +
                     (spreading.largestKeys == 1 ? " key, " : " keys, ") + percentOf(spreading.largestShare);
  if (spreading.largestBytes > 0)
    text += ", " + subcommand::byteText(static_cast<std::uint64_t>(spreading.largestBytes));
  return text;
}

using Row = std::vector<std::string>;

std::string tableOf(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], widthOf(row[i]));
  }
  std::string text;
  for (const Row& row : rows) {
    text += " ";
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += " " + row[i];
      if (i + 1 < row.size()) text.append(widths[i] - widthOf(row[i]) + 1, ' ');
    }
    text += "\n";
  }
  return text;
}

std::string layoutText(const LayoutChoice& choice) {
  const std::string rule = ruleText(0, choice);
  return rule.substr(rule.find('=') + 1);
}

std::string jsonOf(const Trial& trial, const DatabaseSample& sample) {
  const Spreading& spreading = trial.spreading;
  JsonLine crossing;
  for (std::size_t i = 0; i < kUseKinds; ++i) {
    crossing.raw(kKinds[i], JsonLine()
                                .number("seen", sample.usage.seen[i])
                                .number("crossing", trial.crossing[i].count)
                                .text("example", trial.crossing[i].example)
                                .done());
  }
  return JsonLine()
      .text("layout", ruleText(sample.database, trial.choice))
      .number("groups", spreading.groups)
      .raw("largest", JsonLine()
                          .text("group", spreading.largest)
                          .number("keys", spreading.largestKeys)
                          .number("bytes", spreading.largestBytes)
                          .number("share", spreading.largestShare)
                          .done())
      .raw("crossing", crossing.done())
      .done();
}

}  // namespace

std::string textOf(const DatabaseSample& sample, const Proposal& proposal) {
  const DatabaseUsage& usage = sample.usage;
  std::string text = "database " + std::to_string(sample.database) + ": " + std::to_string(sample.size) +
                     " keys, " + std::to_string(sample.keys.size()) + " looked at; " +
                     std::to_string(usage.commands) + " commands watched\n";
  std::vector<Row> rows{{"layout", "groups", "largest group"}};
  for (const std::string_view head : kHeads) rows.front().emplace_back(head);
  for (const Trial& trial : proposal.trials) {
    Row& row = rows.emplace_back();
    row = {layoutText(trial.choice), std::to_string(trial.spreading.groups), largestOf(trial.spreading)};
    for (std::size_t i = 0; i < kUseKinds; ++i)
      row.push_back(std::to_string(trial.crossing[i].count) + " of " + std::to_string(usage.seen[i]));
  }
  text += tableOf(rows);
  text += "  database-layout: " + ruleText(sample.database, proposal.choice().choice) + "\n    " +
          proposal.why + "\n";
  for (const Trial& trial : proposal.trials) {
    // Those that are split lose nothing but the one moment.
    for (std::size_t i = 1; i < kUseKinds; ++i) {
      if (trial.crossing[i].count > 0)
        text +=
            "    " + layoutText(trial.choice) + " would cross: " + shown(trial.crossing[i].example) + "\n";
    }
  }
  if (usage.notKept > 0)
    text += "    " + std::to_string(usage.notKept) + " uses of several keys were too many to be judged\n";
  return text;
}

std::string jsonOf(const DatabaseSample& sample, const Proposal& proposal) {
  std::vector<std::string> layouts;
  for (const Trial& trial : proposal.trials) layouts.push_back(jsonOf(trial, sample));
  return JsonLine()
      .text("event", "database")
      .number("database", sample.database)
      .number("keys", sample.size)
      .number("sampled", sample.keys.size())
      .number("commands", sample.usage.commands)
      .number("not_judged", sample.usage.notKept)
      .text("rule", ruleText(sample.database, proposal.choice().choice))
      .text("why", proposal.why)
      .raw("layouts", subcommand::jsonList(layouts))
      .done();
}

}  // namespace slotless::advise
