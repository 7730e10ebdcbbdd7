#include "kubelet/systemd/bus_message.h"

#include <utility>

namespace skiff::kubelet {
namespace {

enum BusField : uint8_t {
  kPathField = 1,
  kInterfaceField = 2,
  kMemberField = 3,
  kErrorNameField = 4,
  kReplySerialField = 5,
  kDestinationField = 6,
  kSenderField = 7,
  kSignatureField = 8,
  kDescriptorsField = 9,
};

class BusWriter {
 public:
  void Align(size_t to) { bytes_.resize((bytes_.size() + to - 1) / to * to, '\0'); }
  void Byte(uint8_t value) { bytes_ += static_cast<char>(value); }
  void Number(uint64_t value, size_t bytes) {
    Align(bytes);
    for (size_t i = 0; i < bytes; ++i) Byte(static_cast<uint8_t>(value >> (8 * i)));
  }
  void Text(const std::string& text) {
    Number(text.size(), 4);
    bytes_ += text;
    Byte(0);
  }
  void Signature(const std::string& signature) {
    Byte(static_cast<uint8_t>(signature.size()));
    bytes_ += signature;
    Byte(0);
  }
  void Field(BusField code, const char* type, const std::string& text) {
    if (text.empty()) return;
    Align(8);
    Byte(code);
    Signature(type);
    if (*type == 'g') {
      Signature(text);
    } else {
      Text(text);
    }
  }
  void Field(BusField code, uint32_t value) {
    if (value == 0) return;
    Align(8);
    Byte(code);
    Signature("u");
    Number(value, 4);
  }
  void Put(size_t at, uint32_t value) {
    for (size_t i = 0; i < 4; ++i) bytes_[at + i] = static_cast<char>(value >> (8 * i));
  }
  size_t size() const { return bytes_.size(); }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

struct ValueWriter {
  BusWriter& writer;
  std::string& signature;
  void operator()(const std::string& text) const {
    signature += 's';
    writer.Text(text);
  }
  void operator()(bool value) const {
    signature += 'b';
    writer.Number(value ? 1 : 0, 4);
  }
  void operator()(int32_t value) const {
    signature += 'i';
    writer.Number(static_cast<uint32_t>(value), 4);
  }
  void operator()(uint32_t value) const {
    signature += 'u';
    writer.Number(value, 4);
  }
  void operator()(uint64_t value) const {
    signature += 't';
    writer.Number(value, 8);
  }
  void operator()(BusMessage::Descriptor value) const {
    signature += 'h';
    writer.Number(value.index, 4);
  }
};

// Reads on until something is wrong, and then nothing more.
class BusReader {
 public:
  BusReader(std::string_view bytes, size_t at) : bytes_(bytes), at_(at) {}
  bool ok() const { return ok_; }
  size_t at() const { return at_; }
  void Align(size_t to) { Skip((to - at_ % to) % to); }
  void Skip(size_t count) { Bytes(count); }
  uint64_t Number(size_t count) {
    Align(count);
    const std::string_view bytes = Bytes(count);
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.size(); ++i) {
      value |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
    }
    return value;
  }
  std::string Text() {
    const auto length = static_cast<size_t>(Number(4));
    std::string text(Bytes(length));
    Skip(1);
    return text;
  }
  std::string Signature() {
    const std::string_view length = Bytes(1);
    if (length.empty()) return "";
    std::string text(Bytes(static_cast<uint8_t>(length[0])));
    Skip(1);
    return text;
  }
  // nullopt: of a type that nobody here reads.
  std::optional<BusMessage::Value> Value(char type) {
    switch (type) {
      case 's':
      case 'o':
        return Text();
      case 'g':
        return Signature();
      case 'b':
        return Number(4) != 0;
      case 'i':
        return static_cast<int32_t>(static_cast<uint32_t>(Number(4)));
      case 'u':
        return static_cast<uint32_t>(Number(4));
      case 't':
        return Number(8);
      case 'h':
        return BusMessage::Descriptor{static_cast<uint32_t>(Number(4))};
      case 'v': {
        const std::string inner = Signature();
        if (inner.size() != 1 || inner == "v") return std::nullopt;
        return Value(inner[0]);
      }
      default:
        return std::nullopt;
    }
  }

 private:
  std::string_view Bytes(size_t count) {
    if (!ok_ || count > bytes_.size() - at_) {
      ok_ = false;
      return {};
    }
    const std::string_view out = bytes_.substr(at_, count);
    at_ += count;
    return out;
  }

  const std::string_view bytes_;
  size_t at_;
  bool ok_ = true;
};

void TakeField(uint8_t code, const BusMessage::Value& value, BusMessage& to,
               std::string& signature) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    if (code == kPathField) to.path = *text;
    if (code == kInterfaceField) to.interface = *text;
    if (code == kMemberField) to.member = *text;
    if (code == kErrorNameField) to.error_name = *text;
    if (code == kDestinationField) to.destination = *text;
    if (code == kSenderField) to.sender = *text;
    if (code == kSignatureField) signature = *text;
  } else if (const auto* number = std::get_if<uint32_t>(&value)) {
    if (code == kReplySerialField) to.reply_serial = *number;
    if (code == kDescriptorsField) to.descriptors = *number;
  }
}

tl::unexpected<Error> NoMessage() {
  return Fail(Reason::kInternalError, "the system bus sent what is no message");
}

uint32_t WordAt(std::string_view head, size_t at) {
  return static_cast<uint32_t>(BusReader(head, at).Number(4));
}

}  // namespace

std::string EncodeBusMessage(const BusMessage& message) {
  BusWriter body;
  std::string signature;
  for (const auto& value : message.values) std::visit(ValueWriter{body, signature}, value);
  BusWriter out;
  out.Byte('l');
  out.Byte(static_cast<uint8_t>(message.type));
  out.Byte(0);
  out.Byte(1);
  out.Number(body.size(), 4);
  out.Number(message.serial, 4);
  out.Number(0, 4);  // The length of the fields, from the first one's start; put in below.
  const size_t begin = out.size();
  out.Field(kPathField, "o", message.path);
  out.Field(kInterfaceField, "s", message.interface);
  out.Field(kMemberField, "s", message.member);
  out.Field(kErrorNameField, "s", message.error_name);
  out.Field(kReplySerialField, message.reply_serial);
  out.Field(kDestinationField, "s", message.destination);
  out.Field(kSenderField, "s", message.sender);
  out.Field(kSignatureField, "g", signature);
  out.Field(kDescriptorsField, message.descriptors);
  out.Put(begin - 4, static_cast<uint32_t>(out.size() - begin));
  out.Align(8);
  return out.Take() + body.Take();
}

Result<size_t> BusMessageLength(std::string_view head) {
  if (head.size() < kBusHeadBytes || head[0] != 'l' || head[3] != 1) return NoMessage();
  const uint64_t fields = WordAt(head, 12), body = WordAt(head, 4);
  const uint64_t length = (kBusHeadBytes + fields + 7) / 8 * 8 + body;
  if (length > kBusMessageBytesMax) return NoMessage();
  return static_cast<size_t>(length);
}

Result<BusMessage> DecodeBusMessage(std::string_view bytes) {
  const size_t length = TRY(BusMessageLength(bytes));
  if (bytes.size() != length) return NoMessage();
  BusMessage message;
  message.type = static_cast<BusMessageType>(bytes[1]);
  message.serial = WordAt(bytes, 8);
  const size_t end = kBusHeadBytes + WordAt(bytes, 12);
  std::string signature;
  BusReader fields(bytes.substr(0, end), kBusHeadBytes);
  while (fields.ok() && fields.at() < end) {
    fields.Align(8);
    if (fields.at() == end) break;
    const auto code = static_cast<uint8_t>(fields.Number(1));
    const auto value = fields.Value('v');
    if (!value || !fields.ok()) return NoMessage();
    TakeField(code, *value, message, signature);
  }
  if (!fields.ok()) return NoMessage();
  // The body has alignments of its own.
  BusReader body(bytes.substr((end + 7) / 8 * 8), 0);
  for (const char type : signature) {
    auto value = body.Value(type);
    if (!value) break;
    if (!body.ok()) return NoMessage();
    message.values.push_back(std::move(*value));
  }
  return message;
}

}  // namespace skiff::kubelet
