// Carries what is read, and the terminal's size, to the other side of a command.
#pragma once

#include <functional>
#include <string>

#include "cli/remote_link.h"

namespace skiff::cli {

// What the link refuses is kept and offered again when something has changed: input, its end
// behind it, and the size as it is then.
class InputPump {
 public:
  struct Options {
    int input = -1;
    bool with_stdin = false;
    // The terminal's size as SendSize takes it; "": there is none to tell. Empty: no terminal.
    std::function<std::string()> size = {};
    // Told once before that, so that the one behind it is another; empty: nothing is.
    std::function<std::string()> first_size = {};
    int size_changes = -1;                     // Readable when the size is another.
    std::function<void()> drain_changes = {};  // Makes it unreadable again.
  };

  InputPump(RemoteState& state, Options options);
  // Until the remote side has closed, or nobody reads what it says.
  void Run();

 private:
  void ReadInput();
  void Offer(RemoteLink& link);

  RemoteState& state_;
  const Options options_;
  bool input_open_;
  bool size_due_;
  bool first_size_due_;
  bool end_due_ = false;  // To be said behind what is pending.
  std::string pending_;   // Read, and refused by the link so far.
};

}  // namespace skiff::cli
