CREATE TABLE `uniqc_merged_files` (
	`path` text PRIMARY KEY NOT NULL,
	`newest_update_time` text NOT NULL
);
