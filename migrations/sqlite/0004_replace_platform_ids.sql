-- Every id that a platform gave becomes the platform_task_id of the one shard of a task with a `uqt_` id of its own.
-- The row stays where it is, and with it the order of insertion. Its metadata is treated as text, so that NaN, 1.0,
-- integers of any size and the order of keys survive: json_valid() knows no NaN and no Infinity, hence the [] in their
-- place, which stands exactly where they could (a valid value alone, never a part of a number, a key or an escape).
PRAGMA defer_foreign_keys = ON;
--> statement-breakpoint
CREATE TABLE `__uniqc_new_ids` (
	`old_table` text NOT NULL,
	`old_id` text NOT NULL,
	`new_id` text NOT NULL,
	PRIMARY KEY(`old_table`, `old_id`)
);
--> statement-breakpoint
INSERT INTO `__uniqc_new_ids` (`old_table`, `old_id`, `new_id`)
SELECT 'tasks', `task_id`, 'uqt_' || lower(hex(randomblob(16))) FROM `tasks` WHERE substr(`task_id`, 1, 4) <> 'uqt_'
UNION ALL
SELECT 'archived_tasks', `task_id`, 'uqt_' || lower(hex(randomblob(16))) FROM `archived_tasks` WHERE substr(`task_id`, 1, 4) <> 'uqt_';
--> statement-breakpoint
UPDATE `tasks` SET
	`metadata_json` = CASE
		WHEN `metadata_json` = '' THEN
			'{'
		WHEN NOT json_valid(replace(replace(replace(`metadata_json`, '-Infinity', '[]'), 'Infinity', '[]'), 'NaN', '[]')) THEN
			'{"legacy_metadata_raw": ' || json_quote(CAST(`metadata_json` AS TEXT)) || ', '
		WHEN substr(ltrim(`metadata_json`, char(9, 10, 13, 32)), 1, 1) <> '{' THEN
			'{"legacy_metadata_raw": ' || `metadata_json` || ', '
		WHEN trim(substr(trim(`metadata_json`, char(9, 10, 13, 32)), 2), char(9, 10, 13, 32)) = '}' THEN
			'{'
		ELSE
			substr(rtrim(`metadata_json`, char(9, 10, 13, 32)), 1, length(rtrim(`metadata_json`, char(9, 10, 13, 32))) - 1) || ', '
	END || '"legacy_platform_id": ' || json_quote(`task_id`) || '}',
	`task_id` = (SELECT `new_id` FROM `__uniqc_new_ids` WHERE `old_table` = 'tasks' AND `old_id` = `task_id`)
WHERE substr(`task_id`, 1, 4) <> 'uqt_';
--> statement-breakpoint
UPDATE `task_shards` SET
	`uniqc_task_id` = (SELECT `new_id` FROM `__uniqc_new_ids` WHERE `old_table` = 'tasks' AND `old_id` = `uniqc_task_id`)
WHERE `uniqc_task_id` IN (SELECT `old_id` FROM `__uniqc_new_ids` WHERE `old_table` = 'tasks');
--> statement-breakpoint
INSERT OR IGNORE INTO `task_shards` (`uniqc_task_id`, `shard_index`, `platform_task_id`, `backend`, `status`, `result_json`, `error_message`, `submit_time`, `update_time`)
SELECT `new_id`, 0, `old_id`, `backend`, `status`, `result_json`, `error_message`, `submit_time`, `update_time`
FROM `__uniqc_new_ids` JOIN `tasks` ON `task_id` = `new_id`
WHERE `old_table` = 'tasks';
--> statement-breakpoint
UPDATE `archived_tasks` SET
	`metadata_json` = CASE
		WHEN `metadata_json` = '' THEN
			'{'
		WHEN NOT json_valid(replace(replace(replace(`metadata_json`, '-Infinity', '[]'), 'Infinity', '[]'), 'NaN', '[]')) THEN
			'{"legacy_metadata_raw": ' || json_quote(CAST(`metadata_json` AS TEXT)) || ', '
		WHEN substr(ltrim(`metadata_json`, char(9, 10, 13, 32)), 1, 1) <> '{' THEN
			'{"legacy_metadata_raw": ' || `metadata_json` || ', '
		WHEN trim(substr(trim(`metadata_json`, char(9, 10, 13, 32)), 2), char(9, 10, 13, 32)) = '}' THEN
			'{'
		ELSE
			substr(rtrim(`metadata_json`, char(9, 10, 13, 32)), 1, length(rtrim(`metadata_json`, char(9, 10, 13, 32))) - 1) || ', '
	END || '"legacy_platform_id": ' || json_quote(`task_id`) || '}',
	`task_id` = (SELECT `new_id` FROM `__uniqc_new_ids` WHERE `old_table` = 'archived_tasks' AND `old_id` = `task_id`)
WHERE substr(`task_id`, 1, 4) <> 'uqt_';
--> statement-breakpoint
UPDATE `archived_task_shards` SET
	`uniqc_task_id` = (SELECT `new_id` FROM `__uniqc_new_ids` WHERE `old_table` = 'archived_tasks' AND `old_id` = `uniqc_task_id`)
WHERE `uniqc_task_id` IN (SELECT `old_id` FROM `__uniqc_new_ids` WHERE `old_table` = 'archived_tasks');
--> statement-breakpoint
INSERT OR IGNORE INTO `archived_task_shards` (`uniqc_task_id`, `shard_index`, `platform_task_id`, `backend`, `status`, `result_json`, `error_message`, `submit_time`, `update_time`, `archived_at`)
SELECT `new_id`, 0, `old_id`, `backend`, `status`, `result_json`, `error_message`, `submit_time`, `update_time`, `archived_at`
FROM `__uniqc_new_ids` JOIN `archived_tasks` ON `task_id` = `new_id`
WHERE `old_table` = 'archived_tasks';
--> statement-breakpoint
DROP TABLE `__uniqc_new_ids`;
--> statement-breakpoint
PRAGMA user_version = 5;
