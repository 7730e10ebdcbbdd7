// How the channels of exec, attach and port-forward share a WebSocket, as kubelets speak it: each
// message says its channel first. Pure.
//
//   v4.channel.k8s.io, channel.k8s.io, ""     binary: a byte, and bytes    "\x01hello"
//   v4.base64.channel.k8s.io, ...             text: a digit, and base64    "1aGVsbG8="
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace skiff::kubelet {

class ChannelMessages {
 public:
  struct Message {
    int channel = 0;
    std::string bytes;
  };
  explicit ChannelMessages(std::string_view subprotocol);
  bool is_text() const { return is_text_; }
  std::string Make(int channel, std::string_view bytes) const;
  // nullopt for what says no channel, or whose base64 cannot be read.
  std::optional<Message> Read(std::string_view message) const;

 private:
  const bool is_text_;
};

}  // namespace skiff::kubelet
