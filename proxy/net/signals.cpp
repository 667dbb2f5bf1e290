#include "proxy/net/signals.h"

#include "proxy/net/uv_loop.h"

namespace slotless::net {

namespace {

class UvSignals final : public Signals {
 public:
  UvSignals(UvLoop& loop, const std::vector<int>& signals, std::function<void(int)> arrived)
      : arrived_(std::move(arrived)) {
    for (const int signal : signals) {
      auto handle = std::make_unique<OwnedHandle<uv_signal_t>>();
      uv_signal_init(&loop.raw(), handle->get());
      handle->initialised(this);
      uv_signal_start(
          handle->get(),
          [](uv_signal_t* fired, int number) { static_cast<UvSignals*>(fired->data)->arrived_(number); },
          signal);
      handles_.push_back(std::move(handle));
    }
  }

 private:
  std::function<void(int)> arrived_;
  std::vector<std::unique_ptr<OwnedHandle<uv_signal_t>>> handles_;
};

}  // namespace

std::unique_ptr<Signals> Signals::watch(UvLoop& loop, std::vector<int> signals,
                                        std::function<void(int)> arrived) {
  return std::make_unique<UvSignals>(loop, signals, std::move(arrived));
}

}  // namespace slotless::net
