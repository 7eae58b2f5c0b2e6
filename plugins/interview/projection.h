// projection.h - a table whose final content does not depend on the order in which events arrive.
//
// Retried events come after newer ones: that is how retry topics work. So each column carries the stamp of the event that wrote it
// (column NAME, stamp NAME_stamp), and a write takes effect only where its stamp is the newer one. Columns are independent: an
// update of the name never hides a late update of the e-mail address. Constant after construction; any thread.
#pragma once

#include <hostler/plugin.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace interview {

[[nodiscard]] std::string upsert_sql(std::string_view table, std::span<const std::string_view> keys,
                                     std::span<const std::string_view> columns);

// `Keys` key columns and `Columns` stamped ones, in the order of the arrays.
template <std::size_t Keys, std::size_t Columns>
class Projection {
 public:
  using KeyNames = std::array<std::string_view, Keys>;
  using ColumnNames = std::array<std::string_view, Columns>;

  Projection(std::string_view table, const KeyNames& keys, const ColumnNames& columns)
      : sql_(upsert_sql(table, keys, columns)) {}

  // What one event writes into one row; columns that are not set keep what they have. Values are borrowed until write().
  class Change {
   public:
    Change(const std::array<std::string_view, Keys>& keys, std::string_view stamp) : stamp_(stamp) {
      for (std::size_t i = 0; i < Keys; ++i) params_[i] = hostler::param(keys[i]);
      for (std::size_t i = 0; i < Columns; ++i) {
        params_[Keys + 2 * i] = hostler::param(nullptr);
        params_[Keys + 2 * i + 1] = hostler::param(std::string_view()); // the empty stamp is older than any
      }
    }
    template <class T>
    Change& set(std::size_t column, const T& value) {
      params_[Keys + 2 * column] = hostler::param(value);
      params_[Keys + 2 * column + 1] = hostler::param(stamp_);
      return *this;
    }

   private:
    friend Projection;
    std::string_view stamp_;
    std::array<hostler::Param, Keys + 2 * Columns> params_;
  };

  void write(const hostler::Context& ctx, const Change& change) const {
    ctx.sql().enqueue_params(sql_, change.params_);
  }

 private:
  std::string sql_;
};

} // namespace interview
