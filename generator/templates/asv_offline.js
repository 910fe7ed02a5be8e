/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between asv's pages, written for Flot 0.8, and the Flot of today:
 * times are in milliseconds, and bars of several series stand side by side
 * (what the page's own ordering script gets wrong for names on the x axis).
 */
(function ($) {
    "use strict";

    function milliseconds(plot) {
        plot.hooks.processOptions.push(function (plot, options) {
            $.each(options.xaxes.concat(options.yaxes), function (i, axis) {
                axis.timeBase = "milliseconds";
            });
        });
    }

    function side_by_side(plot) {
        plot.hooks.processOffset.push(function (plot) {
            var bars = $.grep(plot.getData(), function (series) {
                return series.bars && series.bars.show;
            });
            $.each(bars, function (i, series) {
                var step = series.datapoints.pointsize,
                    shift = (i - (bars.length - 1) / 2) * series.bars.barWidth,
                    points = series.datapoints.points, j;

                if (series.bars.shifted === points || bars.length < 2)
                    return;
                for (j = 0; j < points.length; j += step)
                    if (points[j] !== null)
                        points[j] += shift;
                series.bars.shifted = points;
            });
        });
    }

    $.plot.plugins.push({ init: milliseconds, name: "milliseconds", version: "1" });
    $.plot.plugins.push({ init: side_by_side, name: "side_by_side", version: "1" });
})(jQuery);
