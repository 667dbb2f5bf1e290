// What held a huge request: its memory goes back to the system in pieces, see work.h.
#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "protocol/argument_refs.h"
#include "proxy/dispatch/owned_request.h"
#include "proxy/dispatch/work.h"
#include "proxy/net/block_pool.h"
#include "proxy/net/page_return.h"

namespace slotless::session {

// `owner` has the memory and does not look at it when it is destroyed.
template <typename Owner>
class GivingBack final : public Work {
 public:
  GivingBack(Owner owner, void* memory, std::size_t bytes)
      : owner_(std::move(owner)), pages_(memory, bytes) {}
  bool goOn(WorkBudget& budget) override {
    while (budget.left()) {
      budget.spend(kUnits);
      if (pages_.goOn()) return true;
    }
    return false;
  }

 private:
  static constexpr std::size_t kUnits = 1000;  // for PageReturn::kBytesAtOnce

  Owner owner_;
  net::PageReturn pages_;
};

// Nothing is done for memory of ordinary size: that is freed by its owner.
inline void giveBack(Workbench& bench, std::vector<std::string_view> arguments) {
  const std::size_t bytes = arguments.capacity() * sizeof(std::string_view);
  if (bytes < net::PageReturn::kLargeBytes) return;
  void* const memory = arguments.data();
  bench.add(nullptr,
            std::make_unique<GivingBack<std::vector<std::string_view>>>(std::move(arguments), memory, bytes));
}

inline void giveBack(Workbench& bench, protocol::ArgumentRefs refs) {
  const std::size_t bytes = refs.capacity() * sizeof(protocol::ArgumentRef);
  if (bytes < net::PageReturn::kLargeBytes) return;
  void* const memory = refs.data();
  bench.add(nullptr, std::make_unique<GivingBack<protocol::ArgumentRefs>>(std::move(refs), memory, bytes));
}

inline void giveBack(Workbench& bench, OwnedRequest request) {
  giveBack(bench, std::move(request.arguments));
  if (request.block == nullptr || request.block->capacity < net::PageReturn::kLargeBytes) return;
  void* const memory = request.block->data();
  const std::size_t bytes = request.block->capacity;
  bench.add(nullptr, std::make_unique<GivingBack<net::BlockPtr>>(std::move(request.block), memory, bytes));
}

}  // namespace slotless::session
