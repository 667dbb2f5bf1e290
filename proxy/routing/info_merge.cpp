#include "proxy/routing/info_merge.h"

#include <algorithm>
#include <optional>

#include "protocol/ascii.h"
#include "protocol/lines.h"
#include "proxy/routing/info_fields.h"
#include "proxy/routing/info_value.h"

namespace slotless::routing {

namespace {

struct MergedField {
  std::string name;
  std::vector<std::string_view> values;  // of the nodes that have it
  std::optional<std::string> merged{};
};

struct Section {
  std::string_view name;
  std::vector<MergedField> fields;

  MergedField* find(std::string_view field) {
    const auto found =
        std::find_if(fields.begin(), fields.end(), [&](const MergedField& f) { return f.name == field; });
    return found == fields.end() ? nullptr : &*found;
  }
};

void collect(std::string_view text, std::vector<Section>& sections) {
  std::size_t current = sections.size();
  while (!text.empty()) {
    const std::string_view line = protocol::takeLine(text);
    if (line.starts_with("# ")) {
      const std::string_view name = line.substr(2);
      const auto found =
          std::find_if(sections.begin(), sections.end(), [&](const Section& s) { return s.name == name; });
      current = static_cast<std::size_t>(found - sections.begin());
      if (found == sections.end()) sections.push_back({name, {}});
      continue;
    }
    const std::size_t colon = line.find(':');
    if (line.empty() || colon == std::string_view::npos || current >= sections.size()) continue;
    Section& section = sections[current];
    // Lines that begin alike and are told apart by the rest: the line is the name.
    const bool whole = infoRule(section.name, line.substr(0, colon)) == InfoRule::Lines;
    const std::string_view name = whole ? line : line.substr(0, colon);
    MergedField* field = section.find(name);
    if (field == nullptr) field = &section.fields.emplace_back(MergedField{std::string(name), {}});
    field->values.push_back(line.substr(colon + 1));
  }
}

// --- "calls=1,usec=2" ---

struct LinePart {
  std::string_view name;
  InfoNumber number;
};
using Parts = std::vector<LinePart>;

std::optional<Parts> partsOf(std::string_view value) {
  Parts parts;
  while (!value.empty()) {
    const std::size_t end = std::min(value.find(','), value.size());
    const std::string_view item = value.substr(0, end);
    value.remove_prefix(std::min(end + 1, value.size()));
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const auto number = parseInfoNumber(item.substr(equals + 1));
    if (!number) return std::nullopt;
    parts.push_back({item.substr(0, equals), *number});
  }
  return parts;
}

LinePart* find(Parts& parts, std::string_view name) {
  const auto found =
      std::find_if(parts.begin(), parts.end(), [&](const LinePart& part) { return part.name == name; });
  return found == parts.end() ? nullptr : &*found;
}

double valueOf(Parts& parts, std::string_view name) {
  const LinePart* part = find(parts, name);
  return part == nullptr ? 0 : part->number.value;
}

// Weighted by how many keys expire.
InfoNumber averageTtl(Parts& merged, Parts& more, const InfoNumber& a, const InfoNumber& b) {
  const double here = valueOf(merged, "expires");
  const double there = valueOf(more, "expires");
  InfoNumber average;
  if (here + there > 0) average.value = (a.value * here + b.value * there) / (here + there);
  average.whole = static_cast<std::int64_t>(average.value);
  return average;
}

void addParts(Parts& merged, Parts more) {
  const Parts before = merged;
  for (LinePart& part : more) {
    LinePart* into = find(merged, part.name);
    if (into == nullptr) {
      merged.push_back(part);
      continue;
    }
    switch (counterRule(part.name)) {
      case CounterRule::Sum: into->number = into->number.plus(part.number); break;
      case CounterRule::Maximum:
        if (into->number.lessThan(part.number)) into->number = part.number;
        break;
      case CounterRule::AverageByExpires: {
        Parts old = before;
        into->number = averageTtl(old, more, into->number, part.number);
        break;
      }
      case CounterRule::UsecPerCall: break;  // below
    }
  }
  if (LinePart* average = find(merged, "usec_per_call")) {
    const double calls = valueOf(merged, "calls");
    average->number.value = calls > 0 ? valueOf(merged, "usec") / calls : 0;
    average->number.decimals = 2;
  }
}

std::optional<std::string> mergeCounters(const MergedField& field) {
  Parts merged;
  for (const std::string_view value : field.values) {
    auto parts = partsOf(value);
    if (!parts) return std::nullopt;
    addParts(merged, std::move(*parts));
  }
  std::string text;
  for (const LinePart& part : merged) {
    if (!text.empty()) text += ',';
    ((text += part.name) += '=') += part.number.text();
  }
  return text;
}

// --- one field ---

std::optional<std::string> mergeNumbers(InfoRule rule, const MergedField& field) {
  std::optional<InfoNumber> merged;
  for (const std::string_view value : field.values) {
    const auto number = parseInfoNumber(value);
    if (!number) return std::nullopt;
    if (!merged) {
      merged = number;
      continue;
    }
    const bool less = number->lessThan(*merged);
    if (rule == InfoRule::Sum) merged = merged->plus(*number);
    if (rule == InfoRule::SumOfLimits) {
      merged = merged->whole == 0 || number->whole == 0 ? InfoNumber{} : merged->plus(*number);
    }
    if (rule == InfoRule::Maximum && !less) merged = number;
    if (rule == InfoRule::Minimum && less) merged = number;
  }
  return merged ? std::optional(merged->text()) : std::nullopt;
}

std::string mergeField(InfoRule rule, const MergedField& field) {
  std::optional<std::string> merged;
  switch (rule) {
    case InfoRule::Sum:
    case InfoRule::SumOfLimits:
    case InfoRule::Maximum:
    case InfoRule::Minimum: merged = mergeNumbers(rule, field); break;
    case InfoRule::Counters: merged = mergeCounters(field); break;
    case InfoRule::Status:
      for (const std::string_view value : field.values) {
        if (value != "ok") merged = value;
      }
      break;
    case InfoRule::First:
    case InfoRule::Human:
    case InfoRule::Lines:
    case InfoRule::Leave: break;
  }
  return merged ? *merged : std::string(field.values.front());
}

void applyOwn(Section& section, std::span<const OwnInfoField> own) {
  for (const OwnInfoField& field : own) {
    if (field.section != section.name) continue;
    MergedField* into = section.find(field.name);
    if (into == nullptr && field.onlyWhereKnown) continue;
    if (into == nullptr) into = &section.fields.emplace_back(MergedField{std::string(field.name), {}});
    into->merged = field.value;
  }
}

void mergeSection(Section& section, std::span<const OwnInfoField> own) {
  std::erase_if(section.fields, [&](const MergedField& field) {
    return infoRule(section.name, field.name) == InfoRule::Leave;
  });
  applyOwn(section, own);
  for (MergedField& field : section.fields) {
    const InfoRule rule = infoRule(section.name, field.name);
    if (!field.merged && rule != InfoRule::Human) field.merged = mergeField(rule, field);
  }
  constexpr std::string_view kHuman = "_human";
  for (MergedField& field : section.fields) {
    if (field.merged) continue;
    const MergedField* bytes =
        section.find(std::string_view(field.name).substr(0, field.name.size() - kHuman.size()));
    const auto number = bytes != nullptr && bytes->merged ? parseInfoNumber(*bytes->merged) : std::nullopt;
    field.merged = number ? humanBytes(number->value) : std::string(field.values.front());
  }
}

void write(const Section& section, std::string& out) {
  if (!out.empty()) out += "\r\n";
  ((out += "# ") += section.name) += "\r\n";
  for (const MergedField& field : section.fields) {
    out += field.name;
    if (infoRule(section.name, field.name.substr(0, field.name.find(':'))) != InfoRule::Lines) {
      (out += ':') += *field.merged;
    }
    out += "\r\n";
  }
}

}  // namespace

std::string mergeInfo(std::span<const std::string_view> texts, std::span<const OwnInfoField> own) {
  std::vector<Section> sections;
  for (const std::string_view text : texts) collect(text, sections);
  std::string out;
  for (Section& section : sections) {
    mergeSection(section, own);
    write(section, out);
  }
  return out;
}

std::string ownInfo(std::span<const OwnInfoField> own,
                    bool (*wanted)(std::string_view section, const void* context), const void* context) {
  std::vector<Section> sections;
  for (const OwnInfoField& field : own) {
    if (!wanted(field.section, context)) continue;
    if (sections.empty() || sections.back().name != field.section) sections.push_back({field.section, {}});
  }
  std::string out;
  for (Section& section : sections) {
    applyOwn(section, own);
    write(section, out);
  }
  return out;
}

}  // namespace slotless::routing
