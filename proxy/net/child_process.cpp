#include "proxy/net/child_process.h"

#include <csignal>
#include <utility>

#include "proxy/net/uv_loop.h"

namespace slotless::net {

namespace {

constexpr int kStandardDescriptors = 3;

std::vector<char*> pointersTo(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

class UvChildProcess final : public ChildProcess {
 public:
  UvChildProcess(UvLoop& loop, const Program& program, Ended ended, int& error) : ended_(std::move(ended)) {
    std::vector<char*> arguments = pointersTo(program.arguments);
    std::vector<char*> environment = pointersTo(program.environment);
    std::vector<uv_stdio_container_t> descriptors;
    const auto passOn = [&](int descriptor) {
      uv_stdio_container_t container{};
      container.flags = UV_INHERIT_FD;
      container.data.fd = descriptor;
      descriptors.push_back(container);
    };
    for (int standard = 0; standard < kStandardDescriptors; ++standard) passOn(standard);
    for (const int descriptor : program.descriptors) passOn(descriptor);

    uv_process_options_t options{};
    options.file = arguments.front();
    options.args = arguments.data();
    options.env = environment.data();
    options.stdio = descriptors.data();
    options.stdio_count = static_cast<int>(descriptors.size());
    options.exit_cb = [](uv_process_t* handle, std::int64_t code, int signal) {
      auto* self = static_cast<UvChildProcess*>(handle->data);
      if (self == nullptr) return;
      // A copy: the callback may destroy its process, and with it the function that is running.
      const Ended callback = self->ended_;
      callback(code, signal);
    };
    error = uv_spawn(&loop.raw(), process_.get(), &options);
    process_.initialised(this);  // whatever has come of it
  }

  int pid() const override { return process_->pid; }
  void signal(int number) override { uv_process_kill(process_.get(), number); }

  void endAlone() {
    if (uv_is_active(reinterpret_cast<const uv_handle_t*>(process_.get())) == 0) {
      delete this;
      return;
    }
    ended_ = [this](std::int64_t, int) { delete this; };
    signal(SIGKILL);
  }

 private:
  OwnedHandle<uv_process_t> process_;
  Ended ended_;
};

}  // namespace

void ChildProcess::kill(std::unique_ptr<ChildProcess> child) {
  static_cast<UvChildProcess*>(child.release())->endAlone();
}

std::unique_ptr<ChildProcess> ChildProcess::start(UvLoop& loop, const Program& program, Ended ended,
                                                  std::string& error) {
  int code = 0;
  auto child = std::make_unique<UvChildProcess>(loop, program, std::move(ended), code);
  if (code == 0) return child;
  error = uv_strerror(code);
  return nullptr;
}

}  // namespace slotless::net
