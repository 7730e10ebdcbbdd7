#include "cli/input_pump.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace skiff::cli {
namespace {

constexpr size_t kInputBytesMax = 32 << 10;

}  // namespace

InputPump::InputPump(RemoteState& state, Options options)
    : state_(state),
      options_(std::move(options)),
      input_open_(options_.with_stdin),
      size_due_(static_cast<bool>(options_.size)),
      first_size_due_(static_cast<bool>(options_.first_size)) {}

void InputPump::Run() {
  while (true) {
    std::shared_ptr<RemoteLink> link;
    {
      const MutexLock lock(state_.mutex);
      if (state_.closed || state_.is_unread || state_.refused || state_.answer) return;
      link = state_.link;
    }
    // After whatever woke us: there may be room now.
    if (link) Offer(*link);
    const bool can_read = link && input_open_ && pending_.empty();
    pollfd polled[] = {{state_.changed, POLLIN, 0},
                       {options_.size_changes, POLLIN, 0},
                       {can_read ? options_.input : -1, POLLIN, 0}};
    if (poll(polled, 3, -1) < 0) continue;
    uint64_t count = 0;
    if (polled[0].revents) (void)!read(state_.changed, &count, sizeof(count));
    if (polled[1].revents) {
      options_.drain_changes();
      size_due_ = true;
    }
    if (polled[2].revents) ReadInput();
  }
}

void InputPump::Offer(RemoteLink& link) {
  if (first_size_due_) {
    const std::string size = options_.first_size();
    first_size_due_ = !size.empty() && !link.SendSize(size);
  }
  if (size_due_ && !first_size_due_) {
    // As it is now: what it was in between does not matter to anybody any more.
    const std::string size = options_.size();
    size_due_ = !size.empty() && !link.SendSize(size);
  }
  if (!pending_.empty() && link.SendInput(pending_)) pending_.clear();
  // The end, too, waits for room: a command that is never told of it reads for ever.
  if (end_due_ && pending_.empty() && link.EndInput()) end_due_ = false;
}

void InputPump::ReadInput() {
  char buffer[kInputBytesMax];
  const ssize_t count = read(options_.input, buffer, sizeof(buffer));
  if (count < 0 && errno == EINTR) return;
  if (count > 0) {
    pending_.assign(buffer, static_cast<size_t>(count));
    return;
  }
  input_open_ = false;
  end_due_ = true;
}

}  // namespace skiff::cli
