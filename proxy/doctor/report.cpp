#include "proxy/doctor/report.h"

#include <algorithm>

#include "proxy/subcommand/json_line.h"

namespace slotless::doctor {

using subcommand::jsonText;

namespace {

std::size_t countOf(const std::vector<Finding>& findings, Severity severity) {
  return static_cast<std::size_t>(
      std::count_if(findings.begin(), findings.end(),
                    [&](const Finding& finding) { return finding.severity == severity; }));
}

// At most `width` letters a line, each line behind the first indented.
std::string wrapped(std::string_view text, std::size_t indent) {
  constexpr std::size_t kWidth = 100;
  std::string out;
  std::size_t column = indent;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    if (column + word.size() > kWidth && column > indent) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (!out.empty()) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char letter) {
    return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 32) : letter;
  });
  return out;
}

std::string counted(std::size_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

}  // namespace

std::string textReport(const Facts& facts, const std::vector<Finding>& findings) {
  constexpr std::size_t kIndent = 8;
  std::string text;
  for (const Finding& finding : findings) {
    text += upper(severityName(finding.severity)) + " [" + finding.check + "]";
    if (!finding.subject.empty()) text += " " + finding.subject;
    text += "\n  seen  " + wrapped(finding.seen, kIndent);
    text += "\n  why   " + wrapped(finding.why, kIndent);
    text += "\n  do    " + wrapped(finding.todo, kIndent) + "\n\n";
  }
  if (findings.empty()) {
    text += "Nothing is wrong, as far as can be seen from here";
  } else {
    text += std::to_string(countOf(findings, Severity::Critical)) + " critical, " +
            counted(countOf(findings, Severity::Warning), "warning", "warnings") + ", " +
            counted(countOf(findings, Severity::Note), "note", "notes");
  }
  return text + "; " + std::to_string(facts.answered()) + " of " +
         counted(facts.nodes.size(), "node", "nodes") + " answered.\n";
}

std::string jsonReport(const Facts& facts, const std::vector<Finding>& findings) {
  std::string text = "{\"nodes\":" + std::to_string(facts.nodes.size()) +
                     ",\"answered\":" + std::to_string(facts.answered()) + ",\"worst\":" +
                     jsonText(findings.empty() ? "none" : severityName(findings.front().severity)) +
                     ",\"findings\":[";
  for (std::size_t i = 0; i < findings.size(); ++i) {
    const Finding& finding = findings[i];
    text += i == 0 ? "" : ",";
    text += "{\"severity\":" + jsonText(severityName(finding.severity)) +
            ",\"check\":" + jsonText(finding.check) + ",\"subject\":" + jsonText(finding.subject) +
            ",\"seen\":" + jsonText(finding.seen) + ",\"why\":" + jsonText(finding.why) +
            ",\"todo\":" + jsonText(finding.todo) + "}";
  }
  return text + "]}\n";
}

int exitCode(const std::vector<Finding>& findings) noexcept {
  if (findings.empty()) return 0;
  return static_cast<int>(findings.front().severity);
}

}  // namespace slotless::doctor
