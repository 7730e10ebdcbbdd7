#include "apiserver/request/list_form.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <utility>

#include "api/cel/limits.h"
#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/crd/custom_kind.h"
#include "api/gen/meta_v1.h"
#include "api/kinds/behaviour.h"
#include "api/text/yaml.h"
#include "apiserver/objects/record_codec.h"
#include "apiserver/request/resources.h"
#include "apiserver/request/respond.h"
#include "apiserver/request/time_limit.h"

namespace skiff {
namespace {

// What a form keeps of items that it has looked at.
constexpr size_t kFormKeptBytesMax = 1 << 20;

std::string ListKindOf(const KindInfo& kind) {
  const std::string_view own = kind.behaviour->list_kind;
  return own.empty() ? std::string(kind.kind) + "List" : std::string(own);
}

// Lists of custom resources always tell where they go on, if they do or not.
std::string ListHead(std::string_view list_kind, std::string_view api_version,
                     const ListMeta& meta, bool shows_end = false) {
  std::string text = "{\"kind\":\"";
  text.append(list_kind).append("\",\"apiVersion\":\"").append(api_version);
  std::string shown = ListMetaText(meta);
  if (shows_end && meta.continue_token.empty()) shown.insert(1, "\"continue\":\"\",");
  text.append("\",\"metadata\":").append(shown).append(",\"items\":");
  return text;
}

TypeMeta PartialListMeta(const MediaType& media) {
  return {"meta.k8s.io/" + media.target_version, "PartialObjectMetadataList"};
}

// A list as JSON text around its items.
struct ListText {
  std::string before;  // To the colon behind the name of the member that has them.
  std::string_view none;  // That member where there are none.
  // Appends an item, or nothing: it is left out.
  std::function<void(std::string_view item, std::string& out)> item;
};

ListText WholeListText(const KindInfo& kind, const ListMeta& meta) {
  return {.before = ListHead(ListKindOf(kind), kind.api_version, meta,
                             DefinitionOf(kind) != nullptr),
          .none = "[]",
          .item = [&kind](std::string_view item, std::string& out) {
            out += '{';
            out += ItemTail(kind, item);
          }};
}

ListText PartialListText(const ListMeta& meta, const MediaType& media) {
  const TypeMeta type = PartialListMeta(media);
  return {.before = ListHead(type.kind, type.api_version, meta),
          .none = "null",
          .item = [version = media.target_version](std::string_view item, std::string& out) {
            out += PartialMetadataText(item, version);
          }};
}

ListText TableListText(const KindInfo& kind, const ListMeta& meta, const TableOptions& options) {
  const TableFormat& format = *kind.behaviour->table;
  const Json list = {{"metadata", Json::parse(ListMetaText(meta))}, {"items", Json::array()}};
  Json table = MakeTable(format, list, options);
  ListText text{.before = {}, .none = table["rows"].is_null() ? "null" : "[]", .item = {}};
  text.before = TableHead(std::move(table));
  text.item = [&kind, options, version = std::string(options.version)](std::string_view item,
                                                                       std::string& out) {
    TableOptions own = options;
    own.version = version;
    AppendTableRow(kind, item, own, out);
  };
  return text;
}

class JsonListForm final : public ListForm {
 public:
  JsonListForm(ListText text, bool pretty) : text_(std::move(text)), pretty_(pretty) {}

  std::string_view content_type() const override { return ContentTypeOf(Encoding::kJson); }
  void Begin(std::string& out) override { Write(text_.before, out); }
  Result<> Add(std::string_view item, std::string& out) override {
    if (!pretty_) {
      Append(item, out);
      return {};
    }
    made_.clear();
    Append(item, made_);
    Write(made_, out);
    return {};
  }
  void End(std::string& out) override {
    Write(any_ ? "]}" : std::string(text_.none) + "}", out);
    if (!pretty_) out += '\n';
  }

 private:
  // The item and what stands before it; nothing where it is left out.
  void Append(std::string_view item, std::string& out) {
    const size_t before = out.size();
    out += any_ ? ',' : '[';
    text_.item(item, out);
    if (out.size() > before + 1) {
      any_ = true;
    } else {
      out.resize(before);
    }
  }
  void Write(std::string_view text, std::string& out) {
    if (pretty_) {
      indenter_.Write(text, out);
    } else {
      out += text;
    }
  }

  const ListText text_;
  const bool pretty_;
  JsonIndenter indenter_;
  std::string made_;
  bool any_ = false;
};

// TableFormat::rank; nullptr: what is listed has none.
using RankOf = int64_t (*)(const Json& object);

// The rows of a Table in the order of their ranks, as far as a form may keep them.
class RankedListForm final : public ListForm {
 public:
  RankedListForm(std::unique_ptr<ListForm> rows, RankOf rank)
      : rows_(std::move(rows)), rank_(rank) {}

  std::string_view content_type() const override { return rows_->content_type(); }
  void Begin(std::string& out) override { rows_->Begin(out); }
  Result<> Add(std::string_view item, std::string& out) override {
    kept_.emplace_back(rank_(Json::parse(item, nullptr, false)), item);
    kept_bytes_ += item.size();
    if (kept_bytes_ < kFormKeptBytesMax) return {};
    return WriteKept(out);
  }
  void End(std::string& out) override {
    (void)WriteKept(out);  // Rows of text are always written.
    rows_->End(out);
  }

 private:
  Result<> WriteKept(std::string& out) {
    std::ranges::stable_sort(kept_, {}, &std::pair<int64_t, std::string>::first);
    for (const auto& [rank, item] : kept_) TRY(rows_->Add(item, out));
    kept_.clear();
    kept_bytes_ = 0;
    return {};
  }

  const std::unique_ptr<ListForm> rows_;
  const RankOf rank_;
  std::vector<std::pair<int64_t, std::string>> kept_;
  size_t kept_bytes_ = 0;
};

// A form that looks first. What it makes then it keeps, up to a bound, and writes by rank.
class LookingForm : public ListForm {
 public:
  explicit LookingForm(RankOf rank = nullptr) : rank_(rank) {}
  bool LooksFirst() const override { return true; }
  Result<> Look(std::string_view item) override {
    if (kept_bytes_ >= kFormKeptBytesMax) return Check(item);
    std::string made;
    TRY(Make(item, made));
    TRY(Found(made.size()));
    kept_bytes_ += made.size();
    ++kept_count_;
    const int64_t rank = rank_ ? rank_(Json::parse(item, nullptr, false)) : 0;
    kept_.emplace_back(rank, std::move(made));
    return {};
  }
  size_t kept() const override { return kept_count_; }
  void Begin(std::string& out) override {
    WriteHead(out);
    if (rank_) std::ranges::stable_sort(kept_, {}, &std::pair<int64_t, std::string>::first);
    for (; !kept_.empty(); kept_.pop_front()) out += kept_.front().second;
  }
  Result<> Add(std::string_view item, std::string& out) override { return Make(item, out); }

 protected:
  virtual void WriteHead(std::string& out) = 0;
  virtual Result<> Make(std::string_view item, std::string& out) = 0;
  // Looks at one that was not made.
  virtual Result<> Check(std::string_view item) = 0;
  // One has so many bytes.
  virtual Result<> Found(size_t) { return {}; }

 private:
  const RankOf rank_;
  std::deque<std::pair<int64_t, std::string>> kept_;  // Until the first piece has it.
  size_t kept_bytes_ = 0;
  size_t kept_count_ = 0;
};

class ProtobufListForm final : public LookingForm {
 public:
  ProtobufListForm(const KindInfo& kind, const ListMeta& meta, const MediaType& media)
      : partial_(media.target == Target::kPartialMetadataList),
        item_(partial_ ? meta_v1::PartialObjectMetadata::Describe() : *kind.type),
        type_(partial_ ? PartialListMeta(media)
                       : TypeMeta{std::string(kind.api_version), ListKindOf(kind)}),
        metadata_(Json::parse(ListMetaText(meta))) {}

  std::string_view content_type() const override { return ContentTypeOf(Encoding::kProtobuf); }
  void End(std::string& out) override { out += ProtobufListTail(); }

 private:
  void WriteHead(std::string& out) override {
    out += ProtobufListHead(type_, metadata_, items_bytes_);
  }
  Result<> Make(std::string_view item, std::string& out) override {
    const StructPtr object = partial_ ? PartialStructOf(item) : StructOf(item_, item);
    out += ProtobufListItem(item_, object.get());
    return {};
  }
  Result<> Check(std::string_view item) override {
    made_.clear();
    TRY(Make(item, made_));
    return Found(made_.size());
  }
  Result<> Found(size_t bytes) override {
    items_bytes_ += bytes;
    return {};
  }

  const bool partial_;
  const Type& item_;
  const TypeMeta type_;
  const Json metadata_;
  size_t items_bytes_ = 0;
  std::string made_;
};

class YamlListForm final : public LookingForm {
 public:
  YamlListForm(ListText text, RankOf rank) : LookingForm(rank), text_(std::move(text)) {
    const Json document = Json::parse(text_.before + std::string(text_.none) + "}");
    name_ = document.contains("rows") ? "rows" : "items";
    for (const auto& [name, value] : document.items()) {
      (name < name_ ? head_ : tail_)[name] = value;
    }
    none_ = tail_[name_];
    tail_.erase(name_);
  }

  std::string_view content_type() const override { return ContentTypeOf(Encoding::kYaml); }
  void End(std::string& out) override {
    if (!any_) out += DumpYaml(Json{{name_, none_}});
    if (!tail_.empty()) out += DumpYaml(tail_);
  }

 private:
  void WriteHead(std::string& out) override {
    if (!head_.empty()) out += DumpYaml(head_);
    if (any_) out.append(name_).append(":\n");
  }
  Result<> Make(std::string_view item, std::string& out) override {
    Json items = Json::array();
    TRY(Read(item, items));
    if (!items.empty()) out += DumpYaml(items);
    return {};
  }
  Result<> Check(std::string_view item) override {
    Json items = Json::array();
    return Read(item, items);
  }
  Result<> Read(std::string_view item, Json& items) {
    std::string json;
    text_.item(item, json);
    if (json.empty()) return {};
    Json document = TRY(ReadForYaml(json));
    items.push_back(std::move(document));
    any_ = true;
    return {};
  }

  const ListText text_;
  std::string name_;
  Json none_;
  Json head_ = Json::object(), tail_ = Json::object();
  bool any_ = false;
};

}  // namespace

Result<std::unique_ptr<ListForm>> ListFormOf(const KindInfo& kind, const ListMeta& meta,
                                             const ApiRequest& request, const MediaType& media) {
  if (media.target == Target::kPartialMetadata) {
    return Fail(Reason::kNotAcceptable,
                "you requested PartialObjectMetadata, but the requested object is a list (*" +
                    InternalName(kind) + "List)");
  }
  if (media.encoding == Encoding::kProtobuf) {
    return std::make_unique<ProtobufListForm>(kind, meta, media);
  }
  ListText text;
  if (media.target == Target::kPartialMetadataList) {
    text = PartialListText(meta, media);
  } else if (media.target == Target::kTable) {
    const IncludeObject include = TRY(IncludeOf(request));
    text = TableListText(kind, meta,
                         TableOptionsOf(kind, request.now, media.target_version, include));
  } else {
    text = WholeListText(kind, meta);
  }
  const RankOf rank = media.target == Target::kTable ? kind.behaviour->table->rank : nullptr;
  if (media.encoding == Encoding::kYaml) {
    return std::make_unique<YamlListForm>(std::move(text), rank);
  }
  auto form = std::make_unique<JsonListForm>(std::move(text), media.pretty);
  if (rank == nullptr) return form;
  return std::make_unique<RankedListForm>(std::move(form), rank);
}

Result<http::Response> ListResponse(const KindInfo& kind, const std::vector<std::string>& items,
                                    const ListMeta& meta, const ApiRequest& request,
                                    const MediaType& media) {
  const auto form = TRY(ListFormOf(kind, meta, request, media));
  if (form->LooksFirst()) {
    for (const std::string& item : items) {
      if (!cel::Look(0)) return Fail(TookTooLong());
      TRY(form->Look(item));
    }
  }
  http::Response response;
  response.content_type = std::string(form->content_type());
  form->Begin(response.body);
  for (size_t i = form->kept(); i < items.size(); ++i) {
    if (!cel::Look(0)) return Fail(TookTooLong());
    TRY(form->Add(items[i], response.body));
  }
  form->End(response.body);
  return response;
}

}  // namespace skiff
