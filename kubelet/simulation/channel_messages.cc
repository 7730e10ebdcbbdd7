#include "kubelet/simulation/channel_messages.h"

#include "base/hash.h"

namespace skiff::kubelet {

ChannelMessages::ChannelMessages(std::string_view subprotocol)
    : is_text_(subprotocol.find("base64") != subprotocol.npos) {}

std::string ChannelMessages::Make(int channel, std::string_view bytes) const {
  const char first = static_cast<char>(is_text_ ? '0' + channel : channel);
  return first + (is_text_ ? Base64(bytes) : std::string(bytes));
}

std::optional<ChannelMessages::Message> ChannelMessages::Read(std::string_view message) const {
  if (message.empty()) return std::nullopt;
  const auto first = static_cast<unsigned char>(message.front());
  message.remove_prefix(1);
  if (!is_text_) return Message{first, std::string(message)};
  auto bytes = FromBase64(message);
  if (first < '0' || !bytes) return std::nullopt;
  return Message{first - '0', std::move(*bytes)};
}

}  // namespace skiff::kubelet
