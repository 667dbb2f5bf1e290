// SORT in stages: the elements, what BY names, what GET names, STORE. Each stage asks the slots' owners what
// it needs.
//
// Nothing is atomic across the stages: a key that changes meanwhile may be seen before or after. What STORE
// writes is written in one piece.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "proxy/routing/plan.h"
#include "proxy/routing/sort_query.h"

namespace slotless::routing {

enum class SortStore : std::uint8_t { Allowed, Refused };

// False: a single node can do all of it, or must refuse it.
bool planSortStages(protocol::Argv argv, SortStore store, Plan& plan);

class SortComposer final : public Composer {
 public:
  // `protocol`: the client's.
  SortComposer(SortQuery query, int protocol) : query_(std::move(query)), protocol_(protocol) {}

  void askForElements(Plan& plan);
  bool goOn(std::span<const PartReply> parts, Plan& plan) override;
  bool compose(std::span<const PartReply> parts, std::string& out) override;
  bool isLastStage() const override { return false; }

 private:
  enum class Stage : std::uint8_t { Elements, Weights, Values, Store };
  // A reply's place in found_; several for MGET.
  using Places = std::vector<std::size_t>;

  bool takeElements(std::span<const PartReply> parts);
  bool takeFound(std::span<const PartReply> parts);
  void lookUp(const std::vector<std::string>& patterns, Plan& plan);
  bool order(Plan& plan);
  bool finish(Plan& plan);
  void askToStore(Plan& plan);
  bool fail(std::string_view error);

  const SortQuery query_;
  const int protocol_;
  Stage stage_ = Stage::Elements;
  std::vector<SortElement> elements_;
  std::vector<std::optional<std::string>> found_;  // element by element, pattern by pattern
  std::vector<Places> asked_;                      // of each part
  std::string error_;
};

}  // namespace slotless::routing
