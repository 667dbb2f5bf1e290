#include "proxy/doctor/checks.h"

#include <algorithm>

#include "config/upstream.h"

namespace slotless::doctor {

namespace {

void addFindings(std::vector<Finding>& findings, const Check& check, const Facts& facts) {
  for (Sighting& sighting : check.look(facts)) {
    findings.push_back({sighting.severity.value_or(check.severity), std::string(check.name),
                        std::move(sighting.subject), std::move(sighting.seen), std::string(check.why),
                        sighting.todo.empty() ? std::string(check.todo) : std::move(sighting.todo)});
  }
}

template <typename Field>
std::string joinedOf(const std::vector<Finding>& findings, std::string_view separator, Field field) {
  std::vector<std::string> texts;
  for (const Finding& finding : findings) {
    std::string text = field(finding);
    if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(std::move(text));
  }
  std::string all;
  for (const std::string& text : texts) all.append(all.empty() ? "" : separator).append(text);
  return all;
}

// Nobody answers: then it is the whole that cannot be reached, and not one node after the other.
Finding together(const std::vector<Finding>& findings) {
  const auto checkOf = [](const Finding& finding) { return finding.check; };
  Finding whole = findings.front();
  whole.severity = Severity::Critical;
  if (findings.size() == 1) return whole;
  const bool alike = joinedOf(findings, "", checkOf) == whole.check;
  if (!alike) whole.check = "unreachable";
  whole.subject = joinedOf(findings, ", ", [](const Finding& finding) { return finding.subject; });
  whole.seen = "none of these answers as it should: " + joinedOf(findings, "; ", [](const Finding& finding) {
                 return finding.subject + ": " + finding.seen;
               });
  whole.why = "No request can be served.";
  whole.todo = joinedOf(findings, " ", [](const Finding& finding) { return finding.todo; });
  return whole;
}

void sortByWorst(std::vector<Finding>& findings) {
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
}

}  // namespace

std::string_view severityName(Severity severity) noexcept {
  switch (severity) {
    case Severity::Note: return "note";
    case Severity::Warning: return "warning";
    case Severity::Critical: return "critical";
  }
  return "";
}

std::vector<const Check*> allChecks() {
  std::vector<const Check*> all;
  for (const auto& part : {serverChecks(), reachChecks(), doorChecks(), topologyChecks(), copyChecks(),
                           settingChecks(), loadChecks(), keyChecks(), machineChecks()}) {
    for (const Check& check : part) all.push_back(&check);
  }
  return all;
}

std::vector<Finding> examine(const Facts& facts, const std::vector<std::string>& skipped) {
  const auto isSkipped = [&](const Check& check) {
    return std::find(skipped.begin(), skipped.end(), check.name) != skipped.end();
  };
  const auto own = config::servesOneServer(facts.config) ? serverChecks() : reachChecks();
  std::vector<Finding> reach;
  for (const Check& check : own) {
    if (!isSkipped(check)) addFindings(reach, check, facts);
  }
  if (facts.answered() == 0 && !reach.empty()) reach = {together(reach)};
  std::vector<Finding> findings = std::move(reach);
  for (const auto& part : {doorChecks(), topologyChecks(), copyChecks(), settingChecks(), loadChecks(),
                           keyChecks(), machineChecks()}) {
    for (const Check& check : part) {
      if (!isSkipped(check)) addFindings(findings, check, facts);
    }
  }
  sortByWorst(findings);
  return findings;
}

std::vector<Finding> examine(const std::vector<Facts>& sides, const std::vector<std::string>& skipped) {
  std::vector<Finding> all;
  for (const Facts& facts : sides) {
    for (Finding& finding : examine(facts, skipped)) {
      const bool told = std::any_of(all.begin(), all.end(), [&](const Finding& other) {
        return other.check == finding.check && other.subject == finding.subject && other.seen == finding.seen;
      });
      if (!told) all.push_back(std::move(finding));
    }
  }
  sortByWorst(all);
  return all;
}

}  // namespace slotless::doctor
