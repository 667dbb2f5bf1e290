// SORT in stages: the elements, what BY names, what GET names, STORE. Each stage asks the slots' owners what
// it needs, for a few elements at a time: neither the proxy nor a node has more to do in one go however many
// elements there are.
//
// Nothing is atomic across the stages: a key that changes meanwhile may be seen before or after. What STORE
// writes is written in one piece.
#pragma once
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/routing/plan.h"
#include "proxy/routing/sort_order.h"
#include "proxy/routing/sort_query.h"

namespace slotless::routing {

// What the cluster calls a key that a pattern and an element make; nullopt: nobody may look there, and
// nothing is found.
using SortNaming = std::function<std::optional<std::string>(std::string_view key)>;

// False: a single node can do all of it, or must refuse it. What no server takes is Refused. The patterns are
// as the client calls keys; all other keys in `argv` are as the cluster calls them.
bool planSortStages(protocol::Argv argv, SortStore store, Plan& plan, SortNaming naming);

class SortComposer final : public Composer {
 public:
  // `protocol`: the client's.
  SortComposer(SortQuery query, int protocol, SortNaming naming)
      : query_(std::move(query)), protocol_(protocol), naming_(std::move(naming)) {}

  void askForElements(Plan& plan);
  bool goOn(std::span<const PartReply> parts, Plan& plan) override;
  bool compose(std::span<const PartReply> parts, std::string& out) override;
  bool composesInPieces(std::span<const PartReply> parts) const override;
  Piece composePiece(std::span<const PartReply> parts, std::string& out, std::size_t elements) override;
  bool isLastStage() const override;

 private:
  enum class Stage : std::uint8_t { Elements, Weights, Values, Store };
  // A reply's place in found_; several for MGET.
  using Places = std::vector<std::size_t>;

  bool storesOverItself() const;
  bool startOver(Plan& plan);
  bool take(std::span<const PartReply> parts);
  bool takeElements(std::span<const PartReply> parts);
  bool beginElements(std::span<const PartReply> parts);
  bool takeWeights();
  bool takeFound(std::span<const PartReply> parts);
  bool askNext(Plan& plan);
  void askForWeights(Plan& plan);
  void askForValues(Plan& plan);
  void lookUp(const std::vector<std::string>& patterns, Plan& plan);
  void askToStore(Plan& plan);
  std::size_t resultSize() const;
  std::optional<std::string_view> resultAt(std::size_t index) const;
  bool fail(std::string_view error);

  const SortQuery query_;
  const int protocol_;
  const SortNaming naming_;
  Stage stage_ = Stage::Elements;
  std::size_t worked_ = 0;    // so many elements in this turn
  std::size_t position_ = 0;  // of the next element in its reply
  std::size_t count_ = 0;     // of all elements
  // Many elements are kept in deques: what grows by moving all would take long at times.
  std::deque<SortElement> elements_;
  std::optional<SortOrder> order_;  // none: as they came
  std::size_t taken_ = 0;           // so many elements in their order
  SortRange range_;                 // of that order: what is wanted
  std::deque<std::size_t> sorted_;  // without GET: the elements that are wanted
  // With GET: element by element, pattern by pattern, what has been looked up. The same for weights, of
  // chunk_.
  std::deque<std::optional<std::string>> found_;
  std::vector<std::size_t> chunk_;  // the elements that are being looked up
  std::vector<Places> asked_;       // of each part
  std::size_t composed_ = 0;
  std::string fingerprint_;  // of a list that is stored over itself
  int tries_ = 0;            // that came to nothing
  std::string error_;
};

}  // namespace slotless::routing
