/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between asv's pages, written for Flot 0.8, and the Flot of today: times are
 * in milliseconds, a range that is given holds, bars start at zero, and bars
 * of several series stand side by side (the page's own ordering script draws
 * nothing when the x axis has names).
 */
(function ($) {
    "use strict";

    function plain(formatter) {
        return function (value, axis) {
            var text = String(formatter(value, axis));
            return /^-?[0-9.]+e\+[0-9]+$/.test(text) ? String(Number(text)) : text;
        };
    }

    function given_range(axis, from_zero) {
        var room;

        if (typeof axis.min !== "number" || typeof axis.max !== "number")
            return;
        axis.autoScale = "none";
        if (axis.direction !== "y" || axis.transform)
            return;
        room = 0.03 * (axis.max - axis.min || Math.abs(axis.max) || 1);
        axis.min = from_zero || axis.min === 0 ? 0 : axis.min - room;
        axis.max += room;
    }

    function options_of_old(plot) {
        plot.hooks.processOptions.push(function (plot, options) {
            var bars = options.series.bars.show;

            $.each(options.yaxes, function (i, axis) {
                axis.direction = "y";
            });
            $.each(options.xaxes.concat(options.yaxes), function (i, axis) {
                axis.timeBase = "milliseconds";
                given_range(axis, bars);
                if (axis.tickFormatter)
                    axis.tickFormatter = plain(axis.tickFormatter);
            });
            options.legend.backgroundColor = "white";
            options.legend.backgroundOpacity = 0.85;
        });
    }

    function range_of_old(plot) {
        plot.hooks.adjustSeriesDataRange.push(function (plot, series, range) {
            var floor = series.yaxis.options.min;

            if (series.bars.show) {
                /* room for the group's outer bars */
                range.xmin -= 0.3;
                range.xmax += 0.3;
            }
            if (typeof floor === "number")
                range.ymin = Math.min(range.ymin, floor);
        });
    }

    function side_by_side(plot) {
        plot.hooks.processOffset.push(function (plot) {
            var bars = $.grep(plot.getData(), function (series) {
                return series.bars && series.bars.show;
            });
            $.each(bars, function (i, series) {
                var step = series.datapoints.pointsize,
                    points = series.datapoints.points,
                    shift = (i - (bars.length - 1) / 2) * series.bars.barWidth,
                    j;

                if (series.bars.shifted === points)
                    return;
                for (j = 0; j < points.length; j += step)
                    if (points[j] !== null)
                        points[j] += shift;
                series.bars.shifted = points;
            });
        });
    }

    /* the page hashes names of ignored regressions; a name is its own hash */
    window.md5 = function (text) {
        return text;
    };

    $.each({
        options_of_old: options_of_old,
        range_of_old: range_of_old,
        side_by_side: side_by_side
    }, function (name, init) {
        $.plot.plugins.push({ init: init, name: name, version: "1" });
    });
})(jQuery);
