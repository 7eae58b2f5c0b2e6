#include "projection.h"

namespace interview {

std::string upsert_sql(std::string_view table, std::span<const std::string_view> keys,
                       std::span<const std::string_view> columns) {
  std::string names, values, conflict, updates;
  std::size_t count = 0;
  const auto add = [&](const std::string& name) {
    names.append(names.empty() ? "" : ", ").append(name);
    values.append(values.empty() ? "$" : ", $").append(std::to_string(++count));
  };
  for (const auto key : keys) {
    add(std::string(key));
    conflict.append(conflict.empty() ? "" : ", ").append(key);
  }
  for (const auto column : columns) {
    const std::string name(column), stamp = name + "_stamp";
    add(name);
    add(stamp);
    const std::string old = std::string(table) + ".";
    const std::string newer = " = CASE WHEN excluded." + stamp + " > " + old + stamp + " THEN excluded.";
    updates.append(updates.empty() ? "" : ", ")
        .append(name)
        .append(newer)
        .append(name)
        .append(" ELSE " + old + name + " END, ");
    updates.append(stamp).append(newer).append(stamp).append(" ELSE " + old + stamp + " END");
  }
  return "INSERT INTO " + std::string(table) + "(" + names + ") VALUES (" + values + ") ON CONFLICT (" +
         conflict + ") DO UPDATE SET " + updates;
}

} // namespace interview
