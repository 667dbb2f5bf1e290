#include "proxy/advise/proposal.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "config/database_rule.h"
#include "proxy/advise/name_families.h"

namespace slotless::advise {

using config::DatabaseLayout;

namespace {

// A group beyond this share is too large a part of the cluster for one slot, if there are smaller ones; and
// so few groups leave masters with nothing to do.
constexpr double kLargeGroup = 0.1;
constexpr std::size_t kFewGroups = 32;
// Where only names are known.
constexpr double kLargeByNames = 0.5;
constexpr std::size_t kManyHeads = 12;
constexpr std::size_t kMostGrouped = 3;           // that are shown
constexpr std::size_t kMostUsesForSearch = 1000;  // the result is tried with all
constexpr std::size_t kMostKeysForSearch = 5000;
constexpr int kRounds = 2;

// The less, the better.
using Rank = std::tuple<std::uint64_t, double, std::size_t, std::size_t, std::size_t>;

Rank rankOf(const Trial& trial, bool namesAlone) {
  const Spreading& spreading = trial.spreading;
  const bool tooLarge = namesAlone ? spreading.largestShare > kLargeByNames
                                   : spreading.largestShare > kLargeGroup || spreading.groups < kFewGroups;
  const std::string& patterns = trial.choice.patterns;
  // Fewer groups are more that an application may use together without its having been seen.
  return {trial.lost(), tooLarge ? spreading.largestShare : 0, spreading.groups,
          static_cast<std::size_t>(std::count(patterns.begin(), patterns.end(), '|')), patterns.size()};
}

// So many of them, from all over.
std::vector<Use> someOf(std::span<const Use> uses, std::size_t most) {
  const std::size_t step = uses.size() / most + 1;
  std::vector<Use> some;
  for (std::size_t i = 0; i < uses.size(); i += step) some.push_back(uses[i]);
  return some;
}

// Looks for patterns: each family of names has one of its depths, or none.
class PatternSearch {
 public:
  PatternSearch(std::span<const SampledKey> keys, std::span<const Use> uses)
      : keys_(keys.first(std::min(keys.size(), kMostKeysForSearch))),
        uses_(someOf(uses, kMostUsesForSearch)) {
    std::set<std::string_view> names;
    for (const SampledKey& key : keys_) names.insert(key.name);
    for (const Use& use : uses_) {
      names.insert(use.keys.begin(), use.keys.end());
      if (use.kind != UseKind::Split) together_.insert(use.keys.begin(), use.keys.end());
    }
    names_.assign(names.begin(), names.end());
  }

  // The best ones first.
  std::vector<LayoutChoice> find() {
    for (const char separator : separatorsIn(names_)) searchWith(separator);
    std::stable_sort(found_.begin(), found_.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<LayoutChoice> best;
    for (auto& [rank, choice] : found_) {
      if (best.size() < kMostGrouped && std::find(best.begin(), best.end(), choice) == best.end())
        best.push_back(choice);
    }
    return best;
  }

 private:
  using Depths = std::vector<std::size_t>;  // by family; 0: none

  std::optional<std::pair<Rank, LayoutChoice>> tried(std::string patterns) const {
    if (patterns.empty() || !config::objectionToGroupPatterns(patterns).empty()) return std::nullopt;
    LayoutChoice choice{DatabaseLayout::Grouped, std::move(patterns)};
    const Trial trial = tryLayout(choice, keys_, uses_);
    if (trial.spreading.groups < 2) return std::nullopt;
    return std::pair(rankOf(trial, together_.empty()), std::move(choice));
  }

  static std::string patternsOf(const std::vector<NameFamily>& families, const Depths& depths) {
    std::string text;
    for (std::size_t i = 0; i < families.size(); ++i) {
      if (depths[i] == 0) continue;
      for (const std::string& pattern : families[i].patterns[depths[i] - 1])
        text.append(text.empty() ? "" : "|").append(pattern);
    }
    return text;
  }

  // Where nothing has been seen to need it, a family is left as it is.
  bool isUsedTogether(const NameFamily& family, char separator) const {
    const std::string begin = family.head + separator;
    const auto first = together_.lower_bound(begin);
    return first != together_.end() && first->starts_with(begin);
  }

  void searchWith(char separator) {
    std::vector<NameFamily> families = familiesOf(names_, separator);
    if (together_.empty()) return guessWith(separator, families);
    keep(tried(std::string("*") + separator));
    std::erase_if(families, [&](const NameFamily& each) { return !isUsedTogether(each, separator); });
    for (std::size_t start = 1; start <= NameFamily::kDepths; ++start)
      improve(families, Depths(families.size(), start));
  }

  // By the names alone: the first variable part of those whose groups have several keys.
  void guessWith(char separator, const std::vector<NameFamily>& families) {
    std::set<std::string_view> heads;
    for (const std::string_view name : names_) heads.insert(name.substr(0, name.find(separator)));
    if (heads.size() > kManyHeads) {
      auto whole = tried(std::string("*") + separator);
      if (whole && isOfSeveral(whole->second)) keep(std::move(whole));
    }
    Depths depths;
    for (const NameFamily& family : families) depths.push_back(firstVariable(family, separator));
    keep(tried(patternsOf(families, depths)));
  }

  // 0: none of its parts makes groups.
  std::size_t firstVariable(const NameFamily& family, char separator) const {
    for (std::size_t depth = 1; depth <= NameFamily::kDepths; ++depth) {
      if (isOfSeveral({DatabaseLayout::Grouped, patternsOf({family}, {depth})}, family.head + separator))
        return depth;
    }
    return 0;
  }

  // Do its groups have several keys, of those that begin so?
  bool isOfSeveral(const LayoutChoice& choice, std::string_view begin = {}) const {
    std::vector<SampledKey> those;
    for (const std::string_view name : names_) {
      if (name.starts_with(begin)) those.push_back({std::string(name), 0});
    }
    if (choice.patterns.empty()) return false;
    const std::size_t groups = tryLayout(choice, those, {}).spreading.groups;
    return groups >= 2 && groups * 2 <= those.size();
  }

  void keep(std::optional<std::pair<Rank, LayoutChoice>> one) {
    if (one) found_.push_back(*std::move(one));
  }

  // One family after the other, as long as it gets better.
  void improve(const std::vector<NameFamily>& families, Depths depths) {
    auto best = tried(patternsOf(families, depths));
    for (int round = 0; round < kRounds; ++round) {
      for (std::size_t i = 0; i < families.size(); ++i) {
        for (std::size_t depth = 0; depth <= NameFamily::kDepths; ++depth) {
          const std::size_t before = std::exchange(depths[i], depth);
          auto other = tried(patternsOf(families, depths));
          if (other && (!best || other->first < best->first))
            best = std::move(other);
          else
            depths[i] = before;
        }
      }
    }
    keep(std::move(best));
  }

  const std::span<const SampledKey> keys_;
  const std::vector<Use> uses_;
  std::vector<std::string_view> names_;
  std::set<std::string_view> together_;
  std::vector<std::pair<Rank, LayoutChoice>> found_;
};

// Names that nobody has sampled, of keys that come and go.
std::vector<SampledKey> keysOf(const std::vector<Use>& uses) {
  std::set<std::string> names;
  for (const Use& use : uses) names.insert(use.keys.begin(), use.keys.end());
  std::vector<SampledKey> keys;
  for (const std::string& name : names) keys.push_back({name, 0});
  return keys;
}

std::optional<std::size_t> indexOf(const std::vector<Trial>& trials, DatabaseLayout layout) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (trials[i].choice.layout == layout && (!best || trials[i].lost() < trials[*best].lost())) best = i;
  }
  return best;
}

void choose(Proposal& proposal, const DatabaseSample& sample) {
  const std::vector<Trial>& trials = proposal.trials;
  const DatabaseUsage& usage = sample.usage;
  const std::size_t pinned = indexOf(trials, DatabaseLayout::Pinned).value();
  const std::size_t spread =
      indexOf(trials, DatabaseLayout::Native).value_or(indexOf(trials, DatabaseLayout::Spread).value());
  const auto grouped = indexOf(trials, DatabaseLayout::Grouped);
  const std::uint64_t together =
      usage.seenOf(UseKind::Command) + usage.seenOf(UseKind::Transaction) + usage.seenOf(UseKind::Script);
  if (usage.commands == 0 && grouped) {
    proposal.chosen = *grouped;
    proposal.why = "by the names alone: no command has been seen";
  } else if (usage.commands == 0) {
    proposal.chosen = sample.database == 0 ? spread : pinned;
    proposal.why = "it is the usual one: no command has been seen, and the names tell nothing";
  } else if (trials[spread].lost() == 0) {
    proposal.chosen = spread;
    proposal.why = together == 0
                       ? "nothing that has been seen uses several keys at one moment"
                       : "whatever has been seen to use keys together has them in one slot by their names";
  } else if (grouped && trials[*grouped].lost() == 0) {
    proposal.chosen = *grouped;
    proposal.why = "all that has been seen stays within a group, and the largest group has " +
                   percentOf(trials[*grouped].spreading.largestShare) + " of the keys";
  } else {
    proposal.chosen = pinned;
    proposal.why = "what has been seen uses keys together that no pattern brings together";
  }
}

}  // namespace

std::string percentOf(double share) {
  return std::to_string(static_cast<int>(share * 100 + 0.5)) + " %";
}

Proposal proposalFor(const DatabaseSample& sample) {
  std::vector<Use> uses;
  for (const auto& [id, use] : sample.usage.uses) uses.push_back(use);
  const std::vector<SampledKey> keys = sample.keys.empty() ? keysOf(uses) : sample.keys;
  std::vector<LayoutChoice> choices{{DatabaseLayout::Spread, {}}};
  // Database 0 of the nodes is the spread one.
  if (sample.nodesHaveIt && sample.database != 0) choices.push_back({DatabaseLayout::Native, {}});
  for (LayoutChoice& each : PatternSearch(keys, uses).find()) choices.push_back(std::move(each));
  choices.push_back({DatabaseLayout::Pinned, {}});
  if (sample.configured && std::find(choices.begin(), choices.end(), *sample.configured) == choices.end())
    choices.push_back(*sample.configured);
  Proposal proposal;
  for (LayoutChoice& each : choices) proposal.trials.push_back(tryLayout(std::move(each), keys, uses));
  choose(proposal, sample);
  return proposal;
}

std::string ruleText(std::uint32_t database, const LayoutChoice& choice) {
  return config::formatDatabaseRule({database, database, choice.layout, {}, choice.patterns});
}

}  // namespace slotless::advise
