// A map by name that may grow to any size without a pause: it is made of many small hash tables, so that
// what a table does when it grows is never done for all names at once.
//
// The part of std::unordered_map that its users need. References stay valid until their element is erased.
#pragma once
#include <array>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>

namespace slotless::pubsub {

struct NameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view name) const noexcept { return std::hash<std::string_view>{}(name); }
};

template <typename Value>
class NameMap {
 public:
  // Of a million names each table has a few thousand.
  static constexpr std::size_t kTables = 256;

 private:
  using Table = std::unordered_map<std::string, Value, NameHash, std::equal_to<>>;
  using Tables = std::array<Table, kTables>;

  template <bool kConst>
  class Iterator {
    using TablesOf = std::conditional_t<kConst, const Tables, Tables>;
    using Inner = std::conditional_t<kConst, typename Table::const_iterator, typename Table::iterator>;

   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = typename Table::value_type;
    using difference_type = std::ptrdiff_t;
    using reference = decltype(*std::declval<Inner>());
    using pointer = std::remove_reference_t<reference>*;

    Iterator() = default;
    reference operator*() const { return *inner_; }
    pointer operator->() const { return &*inner_; }
    Iterator& operator++() {
      ++inner_;
      skipEmpty();
      return *this;
    }
    // The inner iterators of different tables must not be compared.
    bool operator==(const Iterator& other) const {
      return table_ == other.table_ && (table_ == kTables || inner_ == other.inner_);
    }

   private:
    friend class NameMap;
    Iterator(TablesOf* tables, std::size_t table, Inner inner)
        : tables_(tables), table_(table), inner_(inner) {}
    void skipEmpty() {
      while (table_ < kTables && inner_ == (*tables_)[table_].end()) {
        if (++table_ < kTables) inner_ = (*tables_)[table_].begin();
      }
    }

    TablesOf* tables_ = nullptr;
    std::size_t table_ = kTables;
    Inner inner_{};
  };

 public:
  using iterator = Iterator<false>;
  using const_iterator = Iterator<true>;

  // To go over all names in pieces.
  template <typename Visit>
  void visitTable(std::size_t table, Visit visit) {
    if (tables_ == nullptr) return;
    for (auto& [name, value] : (*tables_)[table]) visit(name, value);
  }

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  iterator begin() { return first<iterator>(tables_.get()); }
  iterator end() { return iterator(tables_.get(), kTables, {}); }
  const_iterator begin() const { return first<const_iterator>(tables_.get()); }
  const_iterator end() const { return const_iterator(tables_.get(), kTables, {}); }

  iterator find(std::string_view name) {
    if (tables_ == nullptr) return end();
    const std::size_t table = tableOf(name);
    const auto found = (*tables_)[table].find(name);
    return found == (*tables_)[table].end() ? end() : iterator(tables_.get(), table, found);
  }
  const_iterator find(std::string_view name) const {
    if (tables_ == nullptr) return end();
    const std::size_t table = tableOf(name);
    const auto found = std::as_const((*tables_)[table]).find(name);
    return found == (*tables_)[table].end() ? end() : const_iterator(tables_.get(), table, found);
  }
  bool contains(std::string_view name) const { return find(name) != end(); }

  std::pair<iterator, bool> emplace(std::string_view name, Value value) {
    if (tables_ == nullptr) tables_ = std::make_unique<Tables>();
    const std::size_t table = tableOf(name);
    const auto [inner, isNew] = (*tables_)[table].emplace(name, std::move(value));
    size_ += isNew ? 1U : 0U;
    return {iterator(tables_.get(), table, inner), isNew};
  }
  // The element behind it.
  iterator erase(iterator position) {
    --size_;
    Table& table = (*tables_)[position.table_];
    iterator next(tables_.get(), position.table_, table.erase(position.inner_));
    next.skipEmpty();
    return next;
  }

 private:
  template <typename Any, typename Of>
  static Any first(Of* tables) {
    if (tables == nullptr) return Any(tables, kTables, {});
    Any position(tables, 0, (*tables)[0].begin());
    position.skipEmpty();
    return position;
  }
  // Not the bits by which the table finds its buckets when it is small.
  static std::size_t tableOf(std::string_view name) noexcept {
    return (NameHash{}(name) >> (8 * sizeof(std::size_t) - 8)) % kTables;
  }

  std::unique_ptr<Tables> tables_;  // with the first name
  std::size_t size_ = 0;
};

}  // namespace slotless::pubsub
