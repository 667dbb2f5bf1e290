#include "protocol/secrets.h"

#include <algorithm>
#include <iterator>

#include "protocol/ascii.h"

namespace slotless::protocol {

struct SecretFact {
  enum class Where : unsigned char {
    Rest,      // all from `first` on
    Keyword,   // `count` arguments behind each `keyword` that stands at `first` or later
    Settings,  // from `first` on there are pairs of names and values, and those of some names are secrets
    Command,   // at `first` another command begins
  };

  std::string_view name;
  Where where;
  std::size_t first;
  std::string_view keyword = {};
  std::size_t count = 0;
};

namespace {

using enum SecretFact::Where;

constexpr SecretFact kSecretFacts[] = {
    {"auth", Rest, 1},
    {"hello", Keyword, 1, "AUTH", 2},
    {"acl|setuser", Rest, 2},
    {"acl|getuser", Rest, 2},
    {"acl|deluser", Rest, 2},
    {"acl|dryrun", Command, 3},
    {"command|getkeys", Command, 2},
    {"command|getkeysandflags", Command, 2},
    {"proxy|explain", Command, 2},
    {"config|set", Settings, 2},
    {"migrate", Keyword, 6, "AUTH", 1},
    {"migrate", Keyword, 6, "AUTH2", 2},
};

constexpr std::string_view kSecretSettings[] = {"masterauth", "masteruser", "requirepass",
                                                "tls-client-key-file-pass", "tls-key-file-pass"};

// More commands inside one another than anybody needs.
constexpr int kDeepest = 4;

bool names(const SecretFact& fact, Argv argv) noexcept {
  const std::size_t bar = fact.name.find('|');
  if (!equalsIgnoringCase(argv[0], fact.name.substr(0, bar))) return false;
  return bar == std::string_view::npos ||
         (argv.size() > 1 && equalsIgnoringCase(argv[1], fact.name.substr(bar + 1)));
}

bool isSecretSetting(std::string_view name) noexcept {
  return std::any_of(std::begin(kSecretSettings), std::end(kSecretSettings),
                     [&](std::string_view secret) { return equalsIgnoringCase(name, secret); });
}

bool includes(const SecretFact& fact, Argv argv, std::size_t position) noexcept {
  if (position < fact.first) return false;
  switch (fact.where) {
    case Rest: return true;
    case Settings: return (position - fact.first) % 2 == 1 && isSecretSetting(argv[position - 1]);
    case Keyword:
      for (std::size_t i = 1; i <= fact.count && position >= fact.first + i; ++i) {
        if (equalsIgnoringCase(argv[position - i], fact.keyword)) return true;
      }
      return false;
    case Command: return false;
  }
  return false;
}

}  // namespace

Secrets::Secrets(Argv argv) noexcept : argv_(argv) {
  for (int depth = 0; depth < kDeepest; ++depth) {
    find();
    if (count_ == 0 || facts_[0]->where != Command) return;
    const std::size_t inner = std::min(facts_[0]->first, argv_.size());
    argv_ = argv_.subspan(inner);
    begin_ += inner;
  }
  all_ = true;
}

void Secrets::find() noexcept {
  count_ = 0;
  if (argv_.empty()) return;
  for (const SecretFact& fact : kSecretFacts) {
    if (count_ < facts_.size() && names(fact, argv_)) facts_[count_++] = &fact;
  }
}

bool Secrets::includes(std::size_t position) const noexcept {
  if (position < begin_ || position - begin_ >= argv_.size()) return false;
  if (all_) return true;
  for (std::size_t i = 0; i < count_; ++i) {
    if (protocol::includes(*facts_[i], argv_, position - begin_)) return true;
  }
  return false;
}

}  // namespace slotless::protocol
