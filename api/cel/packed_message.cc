#include "api/cel/packed_message.h"

#include <bit>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/cel/limits.h"
#include "api/cel/well_known.h"
#include "api/text/utf8.h"

namespace skiff::cel {
namespace {

enum class PackedWire : uint8_t {
  kVarint = 0,
  kEight = 1,
  kBytes = 2,
  kGroupBegin = 3,
  kGroupEnd = 4,
  kFour = 5
};

struct PackedField {
  uint64_t number = 0;
  PackedWire wire = PackedWire::kVarint;
  uint64_t bits = 0;       // Of a number.
  std::string_view bytes;  // Of anything else.
};

class PackedFields {
 public:
  explicit PackedFields(std::string_view bytes) : left_(bytes) {}

  // False at the end, and where it is no message. Groups, which no such message has, are passed
  // over.
  bool Next(PackedField& field) {
    while (One(field)) {
      if (field.wire == PackedWire::kGroupBegin) {
        groups_.push_back(field.number);
      } else if (field.wire == PackedWire::kGroupEnd) {
        failed_ |= groups_.empty() || groups_.back() != field.number;
        if (failed_) return false;
        groups_.pop_back();
      } else if (groups_.empty()) {
        return true;
      }
    }
    failed_ |= !groups_.empty();
    return false;
  }
  bool failed() const { return failed_; }

 private:
  static constexpr uint64_t kNumberMax = (uint64_t{1} << 29) - 1;

  bool One(PackedField& field) {
    if (left_.empty() || failed_ || groups_.size() > kValueDepthMax) return false;
    const uint64_t tag = Varint();
    field.number = tag >> 3;
    field.wire = PackedWire{static_cast<uint8_t>(tag & 7)};
    failed_ |= field.number == 0 || field.number > kNumberMax;
    switch (field.wire) {
      case PackedWire::kVarint: field.bits = Varint(); break;
      case PackedWire::kEight: field.bits = Fixed(8); break;
      case PackedWire::kFour: field.bits = Fixed(4); break;
      case PackedWire::kBytes: field.bytes = Take(Varint()); break;
      case PackedWire::kGroupBegin:
      case PackedWire::kGroupEnd: break;
      default: failed_ = true;
    }
    return !failed_;
  }

  std::string_view Take(uint64_t size) {
    failed_ |= size > left_.size();
    if (failed_) return {};
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }

  uint64_t Fixed(int size) {
    uint64_t bits = 0;
    int at = 0;
    for (const char byte : Take(size)) bits |= uint64_t{static_cast<uint8_t>(byte)} << 8 * at++;
    return bits;
  }

  uint64_t Varint() {
    uint64_t bits = 0;
    for (int at = 0; at < 64; at += 7) {
      const std::string_view taken = Take(1);
      if (taken.empty()) return 0;
      const auto byte = static_cast<uint8_t>(taken[0]);
      bits |= uint64_t{byte & 0x7fu} << at;
      if (byte < 0x80) {
        failed_ |= at == 63 && byte > 1;
        return bits;
      }
    }
    failed_ = true;
    return 0;
  }

  std::string_view left_;
  std::vector<uint64_t> groups_;  // That it is in, by number.
  bool failed_ = false;
};

// How a field of that storage is written; what comes otherwise is a field that nobody knows.
PackedWire WireOf(Storage storage) {
  switch (storage) {
    case Storage::kFloat64: return PackedWire::kEight;
    case Storage::kFloat32: return PackedWire::kFour;
    case Storage::kString:
    case Storage::kBytes:
    case Storage::kJson:
    case Storage::kJsonMap:
    case Storage::kJsonList:
    case Storage::kMapField:
    case Storage::kListField: return PackedWire::kBytes;
    default: return PackedWire::kVarint;
  }
}

Value NoPackedMessage() {
  return Value::Error("unsupported conversion to ref.Val: (*dynamicpb.Message)");
}

class MessageUnpacker {
 public:
  explicit MessageUnpacker(const std::function<bool(size_t)>& may_make) : may_make_(may_make) {}

  Value Named(std::string_view url, std::string_view bytes, int depth) const {
    const WellKnownMessage* message = FindWellKnown(url.substr(url.rfind('/') + 1));
    return message == nullptr ? NoPackedMessage() : Message(*message, bytes, depth);
  }

 private:
  struct Parts {
    MessageValue::Fields fields;
    Value last;  // Of a Value, whose fields exclude one another.
    // Where that is a message, all that was said of it; it is read once.
    const WellKnownField* last_field = nullptr;
    std::string message;
    std::vector<Value> items;
    std::map<Value, Value, KeyLess> entries;
  };

  Value Message(const WellKnownMessage& message, std::string_view bytes, int depth) const {
    if (depth >= kValueDepthMax) return Value::Error(kTooDeep);
    Parts parts;
    PackedFields in(bytes);
    PackedField field;
    while (in.Next(field)) {
      // They are numbered in their order.
      if (field.number > message.fields.size()) continue;
      const WellKnownField& known = message.fields[field.number - 1];
      if (field.wire != WireOf(known.storage)) continue;
      if (Value failure = Take(known, field, depth, parts); failure.IsError()) return failure;
    }
    return in.failed() ? NoPackedMessage() : Whole(message, std::move(parts), depth);
  }

  Value Take(const WellKnownField& known, const PackedField& field, int depth,
             Parts& parts) const {
    if (known.storage == Storage::kMapField) return TakeEntry(field.bytes, depth, parts);
    const WellKnownField* const before = std::exchange(parts.last_field, &known);
    if (IsMessage(known.storage)) {
      if (before != &known) parts.message.clear();
      if (!may_make_(field.bytes.size())) return Value::Error(kBudgetText);
      parts.message += field.bytes;
      return {};
    }
    Value value = Of(known.storage, field, depth);
    if (value.IsError()) return value;
    if (!may_make_(sizeof(Value))) return Value::Error(kBudgetText);
    if (known.storage == Storage::kListField) {
      parts.items.push_back(std::move(value));
      return {};
    }
    parts.last = known.storage == Storage::kEnum ? Value() : value;
    parts.fields.insert_or_assign(std::string(known.name), std::move(value));
    return {};
  }

  Value TakeEntry(std::string_view bytes, int depth, Parts& parts) const {
    Value name = Value::StringView("");
    Value value;
    PackedFields in(bytes);
    PackedField field;
    while (in.Next(field)) {
      if (field.wire != PackedWire::kBytes || field.number > 2) continue;
      Value& part = field.number == 1 ? name : value;
      part = Of(field.number == 1 ? Storage::kString : Storage::kJson, field, depth);
      if (part.IsError()) return part;
    }
    if (in.failed()) return NoPackedMessage();
    if (!may_make_(kEntryBytes)) return Value::Error(kBudgetText);
    parts.entries.insert_or_assign(std::move(name), std::move(value));
    return {};
  }

  Value Of(Storage storage, const PackedField& field, int depth) const {
    switch (storage) {
      case Storage::kBool: return Value::Bool(field.bits != 0);
      case Storage::kInt64: return Value::Int(static_cast<int64_t>(field.bits));
      case Storage::kInt32:
      case Storage::kEnum: return Value::Int(static_cast<int32_t>(field.bits));
      case Storage::kUint64: return Value::Uint(field.bits);
      case Storage::kUint32: return Value::Uint(static_cast<uint32_t>(field.bits));
      case Storage::kFloat64: return Value::Double(std::bit_cast<double>(field.bits));
      case Storage::kFloat32:
        return Value::Double(std::bit_cast<float>(static_cast<uint32_t>(field.bits)));
      case Storage::kString:
        if (!IsUtf8(field.bytes)) return NoPackedMessage();
        [[fallthrough]];
      case Storage::kBytes: {
        if (!may_make_(field.bytes.size())) return Value::Error(kBudgetText);
        std::string text(field.bytes);
        return storage == Storage::kString ? Value::String(std::move(text))
                                           : Value::Bytes(std::move(text));
      }
      default: return Message(*FindWellKnown("google.protobuf.Value"), field.bytes, depth + 1);
    }
  }

  static bool IsMessage(Storage storage) {
    return storage == Storage::kJsonMap || storage == Storage::kJsonList;
  }

  Value Whole(const WellKnownMessage& message, Parts parts, int depth) const {
    const Storage first = message.fields.empty() ? Storage::kJson : message.fields[0].storage;
    if (first == Storage::kListField) return Value::List(std::move(parts.items));
    if (first == Storage::kMapField) return MapBuilder::Make(std::move(parts.entries));
    if (IsAny(*message.type)) {
      const Value& url = parts.fields["type_url"];
      const Value& bytes = parts.fields["value"];
      return Named(url.Is(Kind::kString) ? url.text() : "",
                   bytes.Is(Kind::kBytes) ? bytes.text() : "", depth + 1);
    }
    if (parts.last_field != nullptr && IsMessage(parts.last_field->storage)) {
      const bool is_map = parts.last_field->storage == Storage::kJsonMap;
      return Message(*FindWellKnown(is_map ? "google.protobuf.Struct"
                                           : "google.protobuf.ListValue"),
                     parts.message, depth + 1);
    }
    if (message.type->kind == TypeKind::kDyn) return parts.last;
    return MakeWellKnown(message, parts.fields, may_make_);
  }

  const std::function<bool(size_t)>& may_make_;
};

}  // namespace

Value Unpacked(std::string_view url, std::string_view bytes,
               const std::function<bool(size_t bytes)>& may_make) {
  return MessageUnpacker(may_make).Named(url, bytes, 0);
}

}  // namespace skiff::cel
